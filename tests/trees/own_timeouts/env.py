"""env.py sets its own timeouts in its transaction."""

from alembic import context
from sqlalchemy import engine_from_config, pool

config = context.config
engine = engine_from_config(
    config.get_section(config.config_ini_section, {}), poolclass=pool.NullPool
)

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.execute("SET LOCAL lock_timeout = '7s'")
        context.execute("SET LOCAL statement_timeout = '11min'")
        context.run_migrations()
