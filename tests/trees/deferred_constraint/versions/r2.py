"""Create orders, one of them for an account that does not exist."""

import sqlalchemy as sa
from alembic import op

revision: str = "r2"
down_revision: str | None = "r1"


def upgrade() -> None:
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column(
            "account_id",
            sa.BigInteger,
            sa.ForeignKey("accounts.id", deferrable=True, initially="DEFERRED"),
        ),
    )
    op.execute("INSERT INTO orders (account_id) VALUES (999)")


def downgrade() -> None:
    op.drop_table("orders")
