"""env.py ignores the URL it is given and migrates OTHER_DATABASE_URL."""

import os

from alembic import context
from sqlalchemy import create_engine, pool
from sqlalchemy.engine import make_url

url = make_url(os.environ["OTHER_DATABASE_URL"]).set(drivername="postgresql+psycopg2")
engine = create_engine(url, poolclass=pool.NullPool)

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=None)
    with context.begin_transaction():
        context.run_migrations()
