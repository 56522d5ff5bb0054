"""Create accounts, in the shop's database only."""

import sqlalchemy as sa
from alembic import op

revision: str = "r1"
down_revision: str | None = None


def upgrade(engine_name: str) -> None:
    if engine_name == "shop":
        op.create_table(
            "accounts",
            sa.Column("id", sa.BigInteger, primary_key=True),
            sa.Column("email", sa.Text, nullable=False),
        )


def downgrade(engine_name: str) -> None:
    if engine_name == "shop":
        op.drop_table("accounts")
