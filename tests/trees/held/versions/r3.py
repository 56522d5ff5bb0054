"""Index the addresses without locking the table; what an earlier try left goes first."""

from alembic import op

revision: str = "r3"
down_revision: str | None = "r2"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute("DROP INDEX CONCURRENTLY IF EXISTS accounts_email")
        op.create_index("accounts_email", "accounts", ["email"], postgresql_concurrently=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("accounts_email", "accounts", postgresql_concurrently=True)
