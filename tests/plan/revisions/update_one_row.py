# expects safe
"""One row of a large table."""

from alembic import op

revision = "update_one_row"
down_revision = "production"


def upgrade():
    op.execute("UPDATE orders SET paid = true WHERE id = 5")


def downgrade():
    op.execute("UPDATE orders SET paid = false WHERE id = 5")
