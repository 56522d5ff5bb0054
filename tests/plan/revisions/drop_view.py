# expects danger: drop-table
"""A view goes."""

from alembic import op

revision = "drop_view"
down_revision = "production"


def upgrade():
    op.execute("DROP VIEW unpaid")


def downgrade():
    op.execute("CREATE VIEW unpaid AS SELECT id FROM orders WHERE NOT paid")
