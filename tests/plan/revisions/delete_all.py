# expects caution: bulk-data-change
# migrator: allow no-downgrade because the rows are gone
"""All rows of a large table are deleted."""

from alembic import op

revision = "delete_all"
down_revision = "production"


def upgrade():
    op.execute("DELETE FROM orders")


def downgrade():
    pass
