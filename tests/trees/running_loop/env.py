"""An async env.py that makes a task where an event loop runs already."""

import asyncio

from alembic import context
from sqlalchemy import pool
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.ext.asyncio import create_async_engine

url = make_url(context.config.get_main_option("sqlalchemy.url", ""))


def run(connection: Connection) -> None:
    """Run the revisions on the sync side of the async connection."""
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()


async def main() -> None:
    """Connect and migrate, whichever driver the URL names."""
    engine = create_async_engine(url.set(drivername="postgresql+asyncpg"), poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(run)


try:
    loop = asyncio.get_running_loop()
except RuntimeError:
    asyncio.run(main())
else:
    tasks = {loop.create_task(main())}
