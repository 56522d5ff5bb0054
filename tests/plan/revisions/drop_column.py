# expects danger: drop-column
"""A column goes."""

import sqlalchemy as sa
from alembic import op

revision = "drop_column"
down_revision = "production"


def upgrade():
    op.drop_column("orders", "made")


def downgrade():
    op.add_column("orders", sa.Column("made", sa.DateTime))
