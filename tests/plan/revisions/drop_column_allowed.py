# expects safe
# migrator: allow drop-column because no release in use names it any more
"""A column goes, and its author knows."""

import sqlalchemy as sa
from alembic import op

revision = "drop_column_allowed"
down_revision = "production"


def upgrade():
    op.drop_column("orders", "made")


def downgrade():
    op.add_column("orders", sa.Column("made", sa.DateTime))
