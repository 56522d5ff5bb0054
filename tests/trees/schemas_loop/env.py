"""env.py migrates three schemas in turn, each with a version table of its own."""

from alembic import context
from sqlalchemy import engine_from_config, pool, text

config = context.config
engine = engine_from_config(
    config.get_section(config.config_ini_section, {}), poolclass=pool.NullPool
)
schemas = ("t1", "t2", "t3")

with engine.begin() as connection:
    for schema in schemas:
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))

with engine.connect() as connection:
    for schema in schemas:
        context.configure(connection=connection, target_metadata=None, version_table_schema=schema)
        with context.begin_transaction():
            context.execute(f"SET LOCAL search_path TO {schema}")
            context.run_migrations()
