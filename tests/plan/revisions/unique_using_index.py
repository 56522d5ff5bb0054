# expects safe
"""A unique constraint of an index that production has."""

from alembic import op

revision = "unique_using_index"
down_revision = "production"


def upgrade():
    op.execute("ALTER TABLE orders ADD CONSTRAINT one_ref UNIQUE USING INDEX orders_ref_idx")


def downgrade():
    op.drop_constraint("one_ref", "orders")
