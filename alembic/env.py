"""How Alembic reaches the database: the env.py to copy.

Change one line, the import of `metadata`. Run no statement on the connection before
`context.configure`: Alembic would take the transaction that it opens for yours, commit nothing,
and report success.
"""

import os
from logging.config import fileConfig

from alembic import context
from alembic.util import CommandError
from shop_models import metadata
from sqlalchemy import create_engine, pool
from sqlalchemy.engine import URL, make_url

config = context.config

if config.config_file_name is not None:
    fileConfig(config.config_file_name, disable_existing_loggers=False)


def database_url() -> URL:
    """Return the URL that the caller set, else DATABASE_URL, with the driver written out."""
    given = config.get_main_option("sqlalchemy.url") or os.environ.get("DATABASE_URL")
    if not given:
        message = "no database URL: set DATABASE_URL"
        raise CommandError(message)
    url = make_url(given)
    # SQLAlchemy knows no `postgres`, and since 2.1 takes a bare `postgresql` for psycopg 3.
    if url.drivername in {"postgres", "postgresql"}:
        url = url.set(drivername="postgresql+psycopg2")
    return url


def run_offline() -> None:
    """Print the SQL instead of running it (`--sql`)."""
    context.configure(
        url=database_url(),
        target_metadata=metadata,
        transaction_per_migration=True,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},
    )
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    """Run each revision in a transaction of its own, so that its locks end with it."""
    engine = create_engine(database_url(), poolclass=pool.NullPool)
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
