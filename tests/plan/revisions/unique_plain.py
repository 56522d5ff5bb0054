# expects danger: unique-constraint-builds-index
"""A unique constraint on a large table."""

from alembic import op

revision = "unique_plain"
down_revision = "production"


def upgrade():
    op.create_unique_constraint("one_ref", "orders", ["ref"])


def downgrade():
    op.drop_constraint("one_ref", "orders")
