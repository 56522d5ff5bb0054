# expects caution: index-not-concurrent
"""An index on a table between small and large."""

from alembic import op

revision = "index_medium_table"
down_revision = "production"


def upgrade():
    op.create_index("by_name", "customers", ["name"])


def downgrade():
    op.drop_index("by_name")
