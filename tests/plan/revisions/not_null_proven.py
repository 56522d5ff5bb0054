# expects safe
"""NOT NULL, proven by a CHECK that production has."""

from alembic import op

revision = "not_null_proven"
down_revision = "production"


def upgrade():
    op.alter_column("orders", "customer", nullable=False)


def downgrade():
    op.alter_column("orders", "customer", nullable=True)
