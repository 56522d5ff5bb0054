# expects safe
"""A view goes, and comes back."""

from alembic import op

revision = "replace_view"
down_revision = "production"


def upgrade():
    op.execute("DROP VIEW unpaid")
    op.execute("CREATE VIEW unpaid AS SELECT id, note FROM orders WHERE NOT paid")


def downgrade():
    op.execute("DROP VIEW unpaid")
    op.execute("CREATE VIEW unpaid AS SELECT id FROM orders WHERE NOT paid")
