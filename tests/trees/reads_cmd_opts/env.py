"""env.py reads config.cmd_opts, which only the alembic command sets."""

from alembic import context
from sqlalchemy import engine_from_config, pool

config = context.config
options = config.cmd_opts
application_name = f"alembic {options.cmd[0].__name__} {' '.join(options.x or [])}".strip()
engine = engine_from_config(
    config.get_section(config.config_ini_section, {}),
    poolclass=pool.NullPool,
    connect_args={"application_name": application_name},
)

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()
