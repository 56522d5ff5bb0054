"""Create invoices, one for each order."""

from alembic import op

revision: str = "r4"
down_revision: str | None = "r3"


def upgrade() -> None:
    op.execute("CREATE TABLE invoices AS SELECT id, amount FROM orders")


def downgrade() -> None:
    op.drop_table("invoices")
