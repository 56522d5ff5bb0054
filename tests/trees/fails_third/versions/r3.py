"""Fail in the database: there is no such table."""

from alembic import op

revision: str = "r3"
down_revision: str | None = "r2"


def upgrade() -> None:
    op.execute("ALTER TABLE invoices ADD COLUMN paid boolean")


def downgrade() -> None:
    pass
