"""Create customers and orders.

Nobody uses a table that does not exist yet, so a revision which only creates needs no care:
indexes may be built plainly, in the same transaction as their table.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "first_tables"
down_revision: str | None = None


def upgrade() -> None:
    """Create the enum by hand: its end is by hand too, no dropped table takes it along."""
    op.execute("CREATE TYPE order_status AS ENUM ('new', 'paid', 'shipped')")
    op.create_table(
        "customers",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.func.now(),
            nullable=False,
        ),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("customer_id", sa.BigInteger, nullable=False),
        sa.Column(
            "status",
            postgresql.ENUM(name="order_status", create_type=False),
            server_default="new",
            nullable=False,
        ),
        sa.Column("total", sa.Numeric(10, 2), nullable=False),
        sa.Column(
            "placed_at",
            sa.DateTime(timezone=True),
            server_default=sa.func.now(),
            nullable=False,
        ),
    )
    op.create_index("orders_customer_id_idx", "orders", ["customer_id"])


def downgrade() -> None:
    """Drop all of it, rows included."""
    op.drop_table("orders")
    op.drop_table("customers")
    op.execute("DROP TYPE order_status")
