"""Let an order be refunded: add a value to an enum.

A value added inside a transaction block "cannot be used until after the transaction has been
committed" (PostgreSQL docs, ALTER TYPE, Notes). The autocommit block commits it here and now, so
that a later revision may use it even where env.py runs them all in one transaction. No table is
locked or rewritten.
"""

from alembic import op

revision: str = "status_refunded"
down_revision: str | None = "demo_rows"


def upgrade() -> None:
    """Add the value; IF NOT EXISTS, because no downgrade takes it away."""
    with op.get_context().autocommit_block():
        op.execute("ALTER TYPE order_status ADD VALUE IF NOT EXISTS 'refunded'")


def downgrade() -> None:
    """Leave the value: Postgres cannot drop one, and it disturbs nobody."""
