# expects safe
"""A column with now(), which is one value for all rows."""

import sqlalchemy as sa
from alembic import op

revision = "add_column_now"
down_revision = "production"


def upgrade():
    op.add_column("orders", sa.Column("seen", sa.DateTime, server_default=sa.func.now()))


def downgrade():
    op.drop_column("orders", "seen")
