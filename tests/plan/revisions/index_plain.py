# expects danger: index-not-concurrent
"""An index on a large table."""

from alembic import op

revision = "index_plain"
down_revision = "production"


def upgrade():
    op.create_index("by_note", "orders", ["note"])


def downgrade():
    op.drop_index("by_note")
