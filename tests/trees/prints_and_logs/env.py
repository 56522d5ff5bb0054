"""env.py and the revisions print, log, and write to file descriptor 1."""

import logging
import os

from alembic import context
from sqlalchemy import engine_from_config, pool

logging.basicConfig(level=logging.INFO)
print("env.py prints")
logging.getLogger("shop").info("env.py logs")
os.write(1, b"env.py writes\n")

config = context.config
engine = engine_from_config(
    config.get_section(config.config_ini_section, {}), poolclass=pool.NullPool
)

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()
