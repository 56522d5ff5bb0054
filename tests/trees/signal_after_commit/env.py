"""The platform's signal comes when the commit of r2 is done, and before anyone could note it."""

import os
import signal
import time
from typing import Any

from alembic import context
from sqlalchemy import engine_from_config, pool

config = context.config
engine = engine_from_config(
    config.get_section(config.config_ini_section, {}), poolclass=pool.NullPool
)


def commit(raw: Any) -> None:  # noqa: ANN401 - a psycopg2 connection
    with raw.cursor() as cursor:
        cursor.execute("SELECT version_num FROM alembic_version")
        at = cursor.fetchone()
    raw.commit()
    if at == ("r2",):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(10)


engine.dialect.do_commit = commit

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
