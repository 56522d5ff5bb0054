# expects danger: rewrites-table
# migrator: allow no-downgrade because order need not be taken back
"""A large table is put in order."""

from alembic import op

revision = "cluster"
down_revision = "production"


def upgrade():
    op.execute("CLUSTER orders USING orders_pkey")


def downgrade():
    pass
