# expects safe
"""A unique constraint on a small table."""

from alembic import op

revision = "unique_small_table"
down_revision = "production"


def upgrade():
    op.create_unique_constraint("one_name", "labels", ["name"])


def downgrade():
    op.drop_constraint("one_name", "labels")
