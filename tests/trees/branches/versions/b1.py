"""Create visits."""

import sqlalchemy as sa
from alembic import op

revision: str = "b1"
down_revision: str | None = None
branch_labels: str | None = "beta"


def upgrade() -> None:
    op.create_table(
        "visits",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("page", sa.Text, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("visits")
