# expects caution: bulk-data-change
"""All rows of a large table, in a revision of their own."""

from alembic import op

revision = "update_all"
down_revision = "production"


def upgrade():
    op.execute("UPDATE orders SET paid = true")


def downgrade():
    op.execute("UPDATE orders SET paid = false")
