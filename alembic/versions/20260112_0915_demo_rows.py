"""DEMO DATA: 2,000 customers and 6,000 orders, so that later revisions have rows to work on.

Leave this revision out of a project of your own: rows that only some databases should have belong
in a seed script. Rows that every database needs, such as a list of currencies, may come this way.
"""

from alembic import op

revision: str = "demo_rows"
down_revision: str | None = "first_tables"


def upgrade() -> None:
    """Insert set by set, in the server; the same rows each time."""
    op.execute("""
        INSERT INTO customers (email, name)
        SELECT 'customer' || n || '@example.com', 'Customer ' || n
        FROM generate_series(1, 2000) AS n
    """)
    op.execute("""
        INSERT INTO orders (customer_id, status, total)
        SELECT id, (ARRAY['new', 'paid', 'shipped'])[n]::order_status, (id * n % 9900 + 100) / 100.0
        FROM customers, generate_series(1, 3) AS n
        WHERE email LIKE 'customer%@example.com'
    """)


def downgrade() -> None:
    """Delete the demo's rows and no others."""
    op.execute("""
        DELETE FROM orders USING customers
        WHERE customer_id = customers.id AND email LIKE 'customer%@example.com'
    """)
    op.execute("DELETE FROM customers WHERE email LIKE 'customer%@example.com'")
