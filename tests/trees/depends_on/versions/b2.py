"""Create reviews, which refer to accounts of the other branch."""

import sqlalchemy as sa
from alembic import op

revision: str = "b2"
down_revision: str | None = "b1"
depends_on: str | None = "a1"


def upgrade() -> None:
    op.create_table(
        "reviews",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("account_id", sa.BigInteger, sa.ForeignKey("accounts.id")),
    )


def downgrade() -> None:
    op.drop_table("reviews")
