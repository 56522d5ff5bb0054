"""Make cents NOT NULL on the strength of the check: the last of three steps.

A valid CHECK which proves that no null can exist spares SET NOT NULL the read of the table, unless
the same command drops it (PostgreSQL docs, ALTER TABLE, SET NOT NULL; version 12 and later). So
these are two commands, both changes of the catalog only. Where no server is older than 18, ADD
CONSTRAINT … NOT NULL … NOT VALID and VALIDATE CONSTRAINT do the same without a check.
"""

from alembic import op

revision: str = "total_cents_not_null"
down_revision: str | None = "total_cents_check_valid"


def upgrade() -> None:
    """Set NOT NULL, and only then drop the check that makes it cheap."""
    op.alter_column("orders", "total_cents", nullable=False)
    op.drop_constraint("orders_total_cents_check", "orders", type_="check")


def downgrade() -> None:
    """Put the check back, reading the table under lock, and let the column be null."""
    op.create_check_constraint("orders_total_cents_check", "orders", "total_cents IS NOT NULL")
    op.alter_column("orders", "total_cents", nullable=True)
