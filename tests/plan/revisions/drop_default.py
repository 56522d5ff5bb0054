# expects caution: column-required
"""A column of production loses its default."""

from alembic import op

revision = "drop_default"
down_revision = "production"


def upgrade():
    op.alter_column("orders", "code", server_default=None)


def downgrade():
    op.alter_column("orders", "code", server_default="")
