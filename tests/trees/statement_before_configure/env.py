"""A statement runs before configure, so that SQLAlchemy 2 stores nothing."""

from alembic import context
from sqlalchemy import engine_from_config, pool, text

config = context.config
engine = engine_from_config(
    config.get_section(config.config_ini_section, {}), poolclass=pool.NullPool
)

with engine.connect() as connection:
    connection.execute(text("SELECT 1"))
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()
