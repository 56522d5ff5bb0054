# expects safe
"""A column may be null again."""

from alembic import op

revision = "drop_not_null"
down_revision = "production"


def upgrade():
    op.alter_column("orders", "code", nullable=True)


def downgrade():
    op.alter_column("orders", "code", nullable=False)
