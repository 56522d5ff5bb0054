"""Create products."""

import sqlalchemy as sa
from alembic import op

revision: str = "b1"
down_revision: str | None = None


def upgrade() -> None:
    op.create_table(
        "products",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("products")
