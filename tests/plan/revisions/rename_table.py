# expects danger: rename-table
"""A table gets another name."""

from alembic import op

revision = "rename_table"
down_revision = "production"


def upgrade():
    op.rename_table("labels", "tags")


def downgrade():
    op.rename_table("tags", "labels")
