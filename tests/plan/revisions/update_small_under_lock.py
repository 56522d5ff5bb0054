# expects safe
"""The same on a small table."""

import sqlalchemy as sa
from alembic import op

revision = "update_small_under_lock"
down_revision = "production"


def upgrade():
    op.add_column("labels", sa.Column("vat", sa.Integer))
    op.execute("UPDATE labels SET vat = 19")


def downgrade():
    op.drop_column("labels", "vat")
