# expects safe
# migrator: allow no-downgrade because proof need not be taken back
"""The proof of a foreign key that production has."""

from alembic import op

revision = "foreign_key_validate"
down_revision = "production"


def upgrade():
    op.execute("ALTER TABLE orders VALIDATE CONSTRAINT orders_customer_fkey")


def downgrade():
    pass
