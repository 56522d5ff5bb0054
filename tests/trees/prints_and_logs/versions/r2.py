"""Create orders, and log and write about it."""

import logging
import os

import sqlalchemy as sa
from alembic import op

revision: str = "r2"
down_revision: str | None = "r1"


def upgrade() -> None:
    logging.getLogger("shop").warning("r2 logs")
    os.write(1, b"r2 writes\n")
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("amount", sa.Numeric, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("orders")
