"""env.py needs `-x tenant=NAME` and migrates the schema of that name."""

from alembic import context
from sqlalchemy import engine_from_config, pool, text

config = context.config
tenant = context.get_x_argument(as_dictionary=True)["tenant"]
engine = engine_from_config(
    config.get_section(config.config_ini_section, {}), poolclass=pool.NullPool
)

with engine.begin() as connection:
    connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{tenant}"'))

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None, version_table_schema=tenant)
    with context.begin_transaction():
        context.execute(f'SET LOCAL search_path TO "{tenant}"')
        context.run_migrations()
