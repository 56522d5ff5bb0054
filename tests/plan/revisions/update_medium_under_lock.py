# expects caution: bulk-data-change
"""The same on a table between small and large."""

import sqlalchemy as sa
from alembic import op

revision = "update_medium_under_lock"
down_revision = "production"


def upgrade():
    op.add_column("customers", sa.Column("vat", sa.Integer))
    op.execute("UPDATE customers SET vat = 19")


def downgrade():
    op.drop_column("customers", "vat")
