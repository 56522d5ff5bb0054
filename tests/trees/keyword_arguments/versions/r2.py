"""Create orders, in the shop's database only."""

import sqlalchemy as sa
from alembic import op

revision: str = "r2"
down_revision: str | None = "r1"


def upgrade(engine_name: str) -> None:
    if engine_name == "shop":
        op.create_table(
            "orders",
            sa.Column("id", sa.BigInteger, primary_key=True),
            sa.Column("amount", sa.Numeric, nullable=False),
        )


def downgrade(engine_name: str) -> None:
    if engine_name == "shop":
        op.drop_table("orders")
