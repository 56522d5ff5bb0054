# expects danger: constraint-without-not-valid
"""A check of all rows."""

from alembic import op

revision = "check_plain"
down_revision = "production"


def upgrade():
    op.create_check_constraint("small", "orders", "amount < 1000")


def downgrade():
    op.drop_constraint("small", "orders")
