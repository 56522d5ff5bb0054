"""Create orders, and then be slow."""

import os

import sqlalchemy as sa
from alembic import op

revision: str = "r2"
down_revision: str | None = "r1"


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("amount", sa.Numeric, nullable=False),
    )
    seconds = float(os.environ.get("SLOW_SECONDS", "30"))
    op.execute(sa.text("SELECT pg_sleep(:seconds)").bindparams(seconds=seconds))


def downgrade() -> None:
    op.drop_table("orders")
