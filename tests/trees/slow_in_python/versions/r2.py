"""Create orders, and then be slow, in Python."""

import os
import time

import sqlalchemy as sa
from alembic import op

revision: str = "r2"
down_revision: str | None = "r1"


def upgrade() -> None:
    op.create_table("orders", sa.Column("id", sa.BigInteger, primary_key=True))
    time.sleep(float(os.environ.get("SLOW_SECONDS", "30")))


def downgrade() -> None:
    op.drop_table("orders")
