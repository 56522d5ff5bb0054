"""Create orders."""

import sqlalchemy as sa
from alembic import op

revision: str = "r3"
down_revision: str | None = "r2"


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("amount", sa.Numeric, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("orders")
