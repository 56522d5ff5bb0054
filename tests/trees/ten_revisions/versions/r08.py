"""Index the table of the revision before, concurrently."""

from alembic import op

revision: str = "r08"
down_revision: str | None = "r07"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS t07_note")
        op.execute("CREATE INDEX CONCURRENTLY t07_note ON t07 (note)")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY t07_note")
