"""Fail in the database: there is no such column."""

from alembic import op

revision: str = "r2"
down_revision: str | None = "r1"


def upgrade() -> None:
    op.execute("ALTER TABLE accounts ALTER COLUMN nickname SET NOT NULL")


def downgrade() -> None:
    pass
