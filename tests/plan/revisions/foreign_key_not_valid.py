# expects safe
"""A foreign key for new rows."""

from alembic import op

revision = "foreign_key_not_valid"
down_revision = "production"


def upgrade():
    op.create_foreign_key(
        "of_label", "orders", "labels", ["label"], ["id"], postgresql_not_valid=True
    )


def downgrade():
    op.drop_constraint("of_label", "orders")
