# expects caution: changes-nothing
"""What it makes is there."""

from alembic import op

revision = "changes_nothing"
down_revision = "production"


def upgrade():
    op.execute("CREATE TABLE IF NOT EXISTS orders (id bigint)")


def downgrade():
    op.drop_table("orders")
