# expects danger: bulk-data-change
"""A new column, filled under its lock."""

import sqlalchemy as sa
from alembic import op

revision = "update_all_under_lock"
down_revision = "production"


def upgrade():
    op.add_column("orders", sa.Column("vat", sa.Integer))
    op.execute("UPDATE orders SET vat = 19")


def downgrade():
    op.drop_column("orders", "vat")
