"""Fail on the driver's own cursor: there is no such column."""

from alembic import op

revision: str = "r2"
down_revision: str | None = "r1"


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute("ALTER TABLE accounts ALTER COLUMN nickname SET NOT NULL")


def downgrade() -> None:
    pass
