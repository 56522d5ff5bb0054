# expects safe
# migrator: allow no-downgrade because proof need not be taken back
"""The proof of a check that production has."""

from alembic import op

revision = "check_validate"
down_revision = "production"


def upgrade():
    op.execute("ALTER TABLE orders VALIDATE CONSTRAINT orders_amount_check")


def downgrade():
    pass
