"""Create accounts, where somebody has not done so."""

import sqlalchemy as sa
from alembic import op

revision: str = "r2"
down_revision: str | None = "r1"


def upgrade() -> None:
    if not sa.inspect(op.get_bind()).has_table("accounts"):
        op.create_table("accounts", sa.Column("id", sa.BigInteger, primary_key=True))


def downgrade() -> None:
    op.execute("SELECT 1")
