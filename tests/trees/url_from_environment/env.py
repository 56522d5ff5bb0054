"""The URL comes from DATABASE_URL, which env.py gives a driver."""

import os
import re

from alembic import context
from sqlalchemy import create_engine, pool

url = re.sub(r"^postgres(ql)?://", "postgresql+psycopg2://", os.environ["DATABASE_URL"])
engine = create_engine(url, poolclass=pool.NullPool)

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()
