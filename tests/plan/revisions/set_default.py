# expects safe
"""A default for new rows."""

from alembic import op

revision = "set_default"
down_revision = "production"


def upgrade():
    op.alter_column("orders", "amount", server_default="1")


def downgrade():
    op.alter_column("orders", "amount", server_default=None)
