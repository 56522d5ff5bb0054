"""Demand cents of every new row: the first of three steps to NOT NULL.

SET NOT NULL alone reads the whole table under ACCESS EXCLUSIVE, and nobody else so much as reads
it meanwhile. A CHECK that is NOT VALID takes the same lock for a moment only. It holds for every
row written from now on; the copy is done and the trigger fills the rest, so no writer meets it.
"""

from alembic import op

revision: str = "total_cents_check"
down_revision: str | None = "total_cents_copy"


def upgrade() -> None:
    """Add the check, unproven."""
    op.create_check_constraint(
        "orders_total_cents_check",
        "orders",
        "total_cents IS NOT NULL",
        postgresql_not_valid=True,
    )


def downgrade() -> None:
    """Drop the check."""
    op.drop_constraint("orders_total_cents_check", "orders", type_="check")
