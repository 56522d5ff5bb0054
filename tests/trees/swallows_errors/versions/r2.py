"""Create orders, and then be slow, and let no error stop it."""

import os
from contextlib import suppress

import sqlalchemy as sa
from alembic import op

revision: str = "r2"
down_revision: str | None = "r1"


def upgrade() -> None:
    op.create_table("orders", sa.Column("id", sa.BigInteger, primary_key=True))
    for _ in range(3):
        with suppress(Exception):
            op.execute(f"SELECT pg_sleep({float(os.environ.get('SLOW_SECONDS', '30'))})")


def downgrade() -> None:
    op.drop_table("orders")
