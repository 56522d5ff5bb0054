"""Give accounts a nickname."""

import sqlalchemy as sa
from alembic import op

revision: str = "r2"
down_revision: str | None = "r1"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("nickname", sa.Text))


def downgrade() -> None:
    op.drop_column("accounts", "nickname")
