# expects safe
"""A check of a small table."""

from alembic import op

revision = "check_small_table"
down_revision = "production"


def upgrade():
    op.create_check_constraint("light", "labels", "weight < 1000")


def downgrade():
    op.drop_constraint("light", "labels")
