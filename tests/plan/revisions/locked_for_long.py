# expects caution: lock-held-across-statements
"""A table waits for something that has nothing to do with it."""

import sqlalchemy as sa
from alembic import op

revision = "locked_for_long"
down_revision = "production"


def upgrade():
    op.add_column("orders", sa.Column("vat", sa.Integer))
    op.execute("SELECT pg_sleep(1.2)")


def downgrade():
    op.drop_column("orders", "vat")
