# expects safe
"""A small table refers to a large one."""

from alembic import op

revision = "foreign_key_of_small_table"
down_revision = "production"


def upgrade():
    op.create_foreign_key(
        "of_order", "labels", "orders", ["weight"], ["id"], postgresql_not_valid=False
    )


def downgrade():
    op.drop_constraint("of_order", "labels")
