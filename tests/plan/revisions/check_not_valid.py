# expects safe
"""A check of new rows."""

from alembic import op

revision = "check_not_valid"
down_revision = "production"


def upgrade():
    op.create_check_constraint("small", "orders", "amount < 1000", postgresql_not_valid=True)


def downgrade():
    op.drop_constraint("small", "orders")
