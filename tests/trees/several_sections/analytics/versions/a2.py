"""Count visits by day."""

import sqlalchemy as sa
from alembic import op

revision: str = "a2"
down_revision: str | None = "a1"


def upgrade() -> None:
    op.create_table(
        "visits_by_day",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("day", sa.Date, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("visits_by_day")
