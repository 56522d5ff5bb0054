# expects safe
"""An index on a small table."""

from alembic import op

revision = "index_small_table"
down_revision = "production"


def upgrade():
    op.create_index("by_name", "labels", ["name"])


def downgrade():
    op.drop_index("by_name")
