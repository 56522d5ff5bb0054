"""Create orders, and then be slow, whatever comes."""

import os
import time

import sqlalchemy as sa
from alembic import op

revision: str = "r2"
down_revision: str | None = "r1"


def upgrade() -> None:
    op.create_table("orders", sa.Column("id", sa.BigInteger, primary_key=True))
    ends = time.monotonic() + float(os.environ.get("SLOW_SECONDS", "30"))
    while time.monotonic() < ends:
        try:
            time.sleep(0.1)
        except BaseException:  # noqa: BLE001, S112 - that is the situation
            continue


def downgrade() -> None:
    op.drop_table("orders")
