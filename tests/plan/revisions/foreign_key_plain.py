# expects danger: constraint-without-not-valid
"""A foreign key, checked for all rows."""

from alembic import op

revision = "foreign_key_plain"
down_revision = "production"


def upgrade():
    op.create_foreign_key("of_label", "orders", "labels", ["label"], ["id"])


def downgrade():
    op.drop_constraint("of_label", "orders")
