"""Waits before, in and after its revisions, where HOLD says; a transaction for each."""

import holding
from alembic import context
from sqlalchemy import engine_from_config, pool, text

config = context.config
engine = engine_from_config(
    config.get_section(config.config_ini_section, {}), poolclass=pool.NullPool
)
holding.runs_of_env_py += 1

# The first run of env.py is only a look.
if holding.held("look" if holding.runs_of_env_py == 1 else "preflight"):
    with engine.connect() as connection:
        connection.execute(text(holding.UNTIL_LET_GO))

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()

if holding.runs_of_env_py > 1:
    holding.wait_for_file("proof")
