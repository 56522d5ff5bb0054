"""The version table has its own name and schema, and env.py makes that schema first."""

from alembic import context
from sqlalchemy import engine_from_config, pool, text

config = context.config
engine = engine_from_config(
    config.get_section(config.config_ini_section, {}), poolclass=pool.NullPool
)

with engine.begin() as connection:
    connection.execute(text("CREATE SCHEMA IF NOT EXISTS app"))

with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=None,
        version_table="app_version",
        version_table_schema="app",
    )
    with context.begin_transaction():
        context.run_migrations()
