"""Expand: give orders their total in cents, beside the decimal one.

A column is not replaced in one step, because for a while one database serves two releases of the
application. The steps:

1. this revision adds the new column and a trigger that keeps the two in step, whichever is written;
2. total_cents_copy fills the rows that nobody writes;
3. total_cents_check, total_cents_check_valid and total_cents_not_null make it NOT NULL;
4. the application moves to the new column, in one release or in several;
5. total_contract, weeks later, drops the old column.

ADD COLUMN without a default touches no row (PostgreSQL docs, ALTER TABLE, Notes). It comes first,
because it takes the stronger lock: a transaction that raises its lock on a table invites deadlock.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "total_cents_expand"
down_revision: str | None = "orders_customer_fk_valid"


def upgrade() -> None:
    """Add the column and the trigger; on INSERT, OLD is null and the same rule holds."""
    op.add_column("orders", sa.Column("total_cents", sa.BigInteger))
    op.execute("""
        CREATE FUNCTION orders_sync_total() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.total IS DISTINCT FROM OLD.total THEN
                NEW.total_cents := round(NEW.total * 100);
            ELSIF NEW.total_cents IS DISTINCT FROM OLD.total_cents THEN
                NEW.total := NEW.total_cents / 100.0;
            END IF;
            RETURN NEW;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER orders_sync_total BEFORE INSERT OR UPDATE ON orders
        FOR EACH ROW EXECUTE FUNCTION orders_sync_total()
    """)


def downgrade() -> None:
    """Drop both; nothing is lost, the trigger kept the old column true."""
    op.execute("DROP TRIGGER orders_sync_total ON orders")
    op.execute("DROP FUNCTION orders_sync_total()")
    op.drop_column("orders", "total_cents")
