"""The analytics section: a version table of its own beside the shop's."""

from alembic import context
from sqlalchemy import engine_from_config, pool

config = context.config
engine = engine_from_config(
    config.get_section(config.config_ini_section, {}), poolclass=pool.NullPool
)

with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=None,
        version_table="analytics_version",
    )
    with context.begin_transaction():
        context.run_migrations()
