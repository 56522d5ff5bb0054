"""Create accounts, half of them before the hold and half after it."""

import holding
import sqlalchemy as sa
from alembic import op

revision: str = "r1"
down_revision: str | None = None

INSERT = "INSERT INTO accounts SELECT n, n || '@example.org' FROM generate_series({}, {}) AS n"


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("email", sa.Text, nullable=False),
    )
    op.execute(INSERT.format(1, 5000))
    if holding.held("first"):
        op.execute(holding.UNTIL_LET_GO)
    op.execute(INSERT.format(5001, 10000))


def downgrade() -> None:
    op.drop_table("accounts")
