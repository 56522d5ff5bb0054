"""Contract: drop the decimal total.

This must ship in a later release than the code that stops using the column. A release-phase job
runs while the previous release is still serving: if that one names `total` in a query, the query
fails from here on. Before you ship it, see that no deployed release reads or writes the column and
that you will not want to go back to one which does.

DROP COLUMN hides the column and rewrites nothing (PostgreSQL docs, ALTER TABLE, Notes).
"""

import sqlalchemy as sa
from alembic import op

revision: str = "total_contract"
down_revision: str | None = "total_cents_not_null"


def upgrade() -> None:
    """Drop the trigger first: without the column it would fail every write."""
    op.execute("DROP TRIGGER orders_sync_total ON orders")
    op.execute("DROP FUNCTION orders_sync_total()")
    op.drop_column("orders", "total")


def downgrade() -> None:
    """Work the totals out again from the cents; this writes every row, under lock."""
    op.add_column("orders", sa.Column("total", sa.Numeric(10, 2)))
    op.execute("UPDATE orders SET total = total_cents / 100.0")
    op.alter_column("orders", "total", nullable=False)
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
