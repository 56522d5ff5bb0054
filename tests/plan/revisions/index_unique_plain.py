# expects danger: index-not-concurrent
"""A unique index on a large table."""

from alembic import op

revision = "index_unique_plain"
down_revision = "production"


def upgrade():
    op.create_index("by_ref", "orders", ["ref", "id"], unique=True)


def downgrade():
    op.drop_index("by_ref")
