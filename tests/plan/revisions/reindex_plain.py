# expects danger: exclusive-lock-on-large-table
# migrator: allow no-downgrade because there is nothing to take back
"""The indexes of a large table, built anew."""

from alembic import op

revision = "reindex_plain"
down_revision = "production"


def upgrade():
    op.execute("REINDEX TABLE orders")


def downgrade():
    pass
