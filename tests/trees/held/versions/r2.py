"""Add a note to each account, and the orders; hold before the first statement."""

import holding
import sqlalchemy as sa
from alembic import op

revision: str = "r2"
down_revision: str | None = "r1"


def upgrade() -> None:
    holding.wait_for_file("between")
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("amount", sa.Numeric, nullable=False),
    )
    op.execute("INSERT INTO orders SELECT n, n FROM generate_series(1, 10000) AS n")
    op.add_column("accounts", sa.Column("note", sa.Text))


def downgrade() -> None:
    op.drop_column("accounts", "note")
    op.drop_table("orders")
