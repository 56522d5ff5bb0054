"""Commit by hand, create invoices, and then fail."""

import sqlalchemy as sa
from alembic import op

revision: str = "r2"
down_revision: str | None = "r1"


def upgrade() -> None:
    op.execute("COMMIT")
    op.create_table(
        "invoices",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("amount", sa.Numeric, nullable=False),
    )
    op.execute("ALTER TABLE accounts ALTER COLUMN nickname SET NOT NULL")


def downgrade() -> None:
    op.drop_table("invoices")
