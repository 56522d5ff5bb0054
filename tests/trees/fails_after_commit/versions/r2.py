"""Index the addresses, which is committed at once, and then fail."""

from alembic import op

revision: str = "r2"
down_revision: str | None = "r1"


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index("accounts_email", "accounts", ["email"], postgresql_concurrently=True)
    op.execute("ALTER TABLE accounts ALTER COLUMN nickname SET NOT NULL")


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("accounts_email", "accounts", postgresql_concurrently=True)
