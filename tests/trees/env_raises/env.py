"""env.py raises an error, because a variable it needs is missing."""

import os

from alembic import context
from sqlalchemy import create_engine, pool

if "SHOP_DATABASE_URL" not in os.environ:
    raise RuntimeError("SHOP_DATABASE_URL is not set")

engine = create_engine(os.environ["SHOP_DATABASE_URL"], poolclass=pool.NullPool)

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()
