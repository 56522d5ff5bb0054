"""Create invoices, and then leave."""

import sys

import sqlalchemy as sa
from alembic import op

revision: str = "r2"
down_revision: str | None = "r1"


def upgrade() -> None:
    op.create_table(
        "invoices",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("amount", sa.Numeric, nullable=False),
    )
    sys.exit(0)


def downgrade() -> None:
    op.drop_table("invoices")
