# expects safe
"""A table gets another name, and a view the old one."""

from alembic import op

revision = "rename_table_with_view"
down_revision = "production"


def upgrade():
    op.rename_table("labels", "tags")
    op.execute("CREATE VIEW labels AS SELECT * FROM tags")


def downgrade():
    op.execute("DROP VIEW labels")
    op.rename_table("tags", "labels")
