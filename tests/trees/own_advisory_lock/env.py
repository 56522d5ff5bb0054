"""env.py takes an advisory lock of its own in its transaction."""

from alembic import context
from sqlalchemy import engine_from_config, pool

config = context.config
engine = engine_from_config(
    config.get_section(config.config_ini_section, {}), poolclass=pool.NullPool
)

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.execute("SELECT pg_advisory_xact_lock(4242)")
        context.run_migrations()
