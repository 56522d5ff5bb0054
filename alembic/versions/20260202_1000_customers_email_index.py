"""Allow one customer per email: build a unique index while the shop goes on selling.

CREATE INDEX keeps writers out for as long as it reads the table; CREATE INDEX CONCURRENTLY does
not. It cannot run inside a transaction block, hence the autocommit block. That commits whatever
came before it, hence a revision of its own.

A build that fails, here on a duplicate, leaves an INVALID index, which slows every write and
serves no query (PostgreSQL docs, CREATE INDEX, Building Indexes Concurrently). IF NOT EXISTS would
find that name and call it success. So whatever bears the name is dropped first, and the revision
can be run again after any failure.
"""

from alembic import op

revision: str = "customers_email_index"
down_revision: str | None = "status_refunded"


def upgrade() -> None:
    """Drop what a failed build left, then build."""
    with op.get_context().autocommit_block():
        op.drop_index(
            "customers_email_idx",
            "customers",
            if_exists=True,
            postgresql_concurrently=True,
        )
        op.create_index(
            "customers_email_idx",
            "customers",
            ["email"],
            unique=True,
            postgresql_concurrently=True,
        )


def downgrade() -> None:
    """Drop it, concurrently too: a plain DROP INDEX waits with readers and writers behind it."""
    with op.get_context().autocommit_block():
        op.drop_index(
            "customers_email_idx",
            "customers",
            if_exists=True,
            postgresql_concurrently=True,
        )
