# expects safe
"""A comment."""

from alembic import op

revision = "comment"
down_revision = "production"


def upgrade():
    op.create_table_comment("orders", "What was bought.")


def downgrade():
    op.drop_table_comment("orders")
