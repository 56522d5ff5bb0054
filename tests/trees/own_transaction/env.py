"""env.py begins and commits its own transaction and never asks Alembic for one."""

from alembic import context
from sqlalchemy import engine_from_config, pool

config = context.config
engine = engine_from_config(
    config.get_section(config.config_ini_section, {}), poolclass=pool.NullPool
)

with engine.begin() as connection:
    context.configure(connection=connection, target_metadata=None)
    context.run_migrations()
