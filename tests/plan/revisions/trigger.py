# expects safe
"""A trigger: a moment."""

from alembic import op

revision = "trigger"
down_revision = "production"


def upgrade():
    op.execute("CREATE TRIGGER still BEFORE UPDATE ON orders EXECUTE FUNCTION nothing()")


def downgrade():
    op.execute("DROP TRIGGER still ON orders")
