# expects danger: rewrites-table
"""A large table is no longer logged."""

from alembic import op

revision = "set_unlogged"
down_revision = "production"


def upgrade():
    op.execute("ALTER TABLE orders SET UNLOGGED")


def downgrade():
    op.execute("ALTER TABLE orders SET LOGGED")
