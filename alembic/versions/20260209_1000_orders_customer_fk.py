"""Tie orders to customers: a foreign key for new rows only.

ADD FOREIGN KEY takes SHARE ROW EXCLUSIVE on both tables, so nobody writes to either until the
transaction ends. NOT VALID spares it the look at the rows that exist and makes that a moment
(PostgreSQL docs, ALTER TABLE, Notes). The next revision looks at them, in a transaction that no
longer holds this lock.
"""

from alembic import op

revision: str = "orders_customer_fk"
down_revision: str | None = "customers_email_index"


def upgrade() -> None:
    """Add the key, unproven."""
    op.create_foreign_key(
        "orders_customer_id_fkey",
        "orders",
        "customers",
        ["customer_id"],
        ["id"],
        postgresql_not_valid=True,
    )


def downgrade() -> None:
    """Drop the key."""
    op.drop_constraint("orders_customer_id_fkey", "orders", type_="foreignkey")
