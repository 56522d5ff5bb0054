"""Index the table of the revision before, concurrently."""

from alembic import op

revision: str = "r04"
down_revision: str | None = "r03"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS t03_note")
        op.execute("CREATE INDEX CONCURRENTLY t03_note ON t03 (note)")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY t03_note")
