"""The URL comes from the application's settings, a module beside env.py."""

from alembic import context
from shop_settings import settings
from sqlalchemy import create_engine, pool

engine = create_engine(settings.database_url, poolclass=pool.NullPool)

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()
