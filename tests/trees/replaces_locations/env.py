"""env.py adds a folder of revisions which the ini file does not name."""

from pathlib import Path

from alembic import context
from sqlalchemy import engine_from_config, pool

config = context.config
here = Path(context.script.dir)
context.script.version_locations = [str(here / "versions"), str(here / "plugin")]
engine = engine_from_config(
    config.get_section(config.config_ini_section, {}), poolclass=pool.NullPool
)

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()
