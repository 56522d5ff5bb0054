"""Give visits a time."""

import sqlalchemy as sa
from alembic import op

revision: str = "b2"
down_revision: str | None = "b1"


def upgrade() -> None:
    op.add_column("visits", sa.Column("seen_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("visits", "seen_at")
