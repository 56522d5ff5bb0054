# expects danger: not-null-full-scan, column-required
"""NOT NULL, by reading a large table."""

from alembic import op

revision = "not_null_scan"
down_revision = "production"


def upgrade():
    op.alter_column("orders", "note", nullable=False)


def downgrade():
    op.alter_column("orders", "note", nullable=True)
