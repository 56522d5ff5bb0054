"""The tables as the application knows them at the head of the history.

`alembic check` compares this file with the database. Every constraint and index carries the name
that Postgres itself would choose, so a revision can name it without looking it up.
"""

import sqlalchemy as sa

metadata = sa.MetaData()

customers = sa.Table(
    "customers",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column(
        "created_at",
        sa.DateTime(timezone=True),
        server_default=sa.func.now(),
        nullable=False,
    ),
    sa.Index("customers_email_idx", "email", unique=True),
)

orders = sa.Table(
    "orders",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column(
        "customer_id",
        sa.BigInteger,
        sa.ForeignKey("customers.id", name="orders_customer_id_fkey"),
        nullable=False,
    ),
    sa.Column(
        "status",
        sa.Enum("new", "paid", "shipped", "refunded", name="order_status"),
        server_default="new",
        nullable=False,
    ),
    sa.Column("total_cents", sa.BigInteger, nullable=False),
    sa.Column(
        "placed_at",
        sa.DateTime(timezone=True),
        server_default=sa.func.now(),
        nullable=False,
    ),
    sa.Index("orders_customer_id_idx", "customer_id"),
)
