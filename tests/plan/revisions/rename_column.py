# expects danger: rename-column
"""A column gets another name."""

from alembic import op

revision = "rename_column"
down_revision = "production"


def upgrade():
    op.alter_column("orders", "note", new_column_name="remark")


def downgrade():
    op.alter_column("orders", "remark", new_column_name="note")
