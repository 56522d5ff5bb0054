# expects safe
"""An index goes: a moment."""

from alembic import op

revision = "drop_index"
down_revision = "production"


def upgrade():
    op.drop_index("orders_ref_idx")


def downgrade():
    op.execute("CREATE UNIQUE INDEX orders_ref_idx ON orders (ref)")
