# expects danger: not-null-full-scan
"""NOT NULL on a column that has a default."""

from alembic import op

revision = "not_null_with_default"
down_revision = "production"


def upgrade():
    op.alter_column("orders", "paid", nullable=False)


def downgrade():
    op.alter_column("orders", "paid", nullable=True)
