# expects safe
"""Three rows for a table that is not small."""

from alembic import op

revision = "insert_few"
down_revision = "production"


def upgrade():
    op.execute("INSERT INTO customers (id) VALUES (-1), (-2), (-3)")


def downgrade():
    op.execute("DELETE FROM customers WHERE id IN (-1, -2, -3)")
