# expects safe
"""An index on a large table, built beside the writers."""

from alembic import op

revision = "index_concurrently"
down_revision = "production"


def upgrade():
    with op.get_context().autocommit_block():
        op.create_index("by_note", "orders", ["note"], postgresql_concurrently=True)


def downgrade():
    op.drop_index("by_note")
