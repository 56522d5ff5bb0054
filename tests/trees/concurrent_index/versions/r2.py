"""Index the addresses, without locking the table."""

from alembic import op

revision: str = "r2"
down_revision: str | None = "r1"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index("accounts_email", "accounts", ["email"], postgresql_concurrently=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("accounts_email", "accounts", postgresql_concurrently=True)
