# expects danger: lock-held-across-statements
"""NOT VALID and VALIDATE under one lock."""

from alembic import op

revision = "check_both_in_one_transaction"
down_revision = "production"


def upgrade():
    op.create_check_constraint("small", "orders", "amount < 1000", postgresql_not_valid=True)
    op.execute("ALTER TABLE orders VALIDATE CONSTRAINT small")


def downgrade():
    op.drop_constraint("small", "orders")
