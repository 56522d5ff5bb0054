# expects safe
"""The same on a small table."""

import sqlalchemy as sa
from alembic import op

revision = "add_column_volatile_small_table"
down_revision = "production"


def upgrade():
    op.add_column(
        "labels", sa.Column("seen", sa.DateTime, server_default=sa.func.clock_timestamp())
    )


def downgrade():
    op.drop_column("labels", "seen")
