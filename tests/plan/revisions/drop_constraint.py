# expects safe
"""A check goes."""

from alembic import op

revision = "drop_constraint"
down_revision = "production"


def upgrade():
    op.drop_constraint("orders_amount_check", "orders")


def downgrade():
    op.execute("ALTER TABLE orders ADD CONSTRAINT orders_amount_check CHECK (amount > 0) NOT VALID")
