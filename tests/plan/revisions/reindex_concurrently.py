# expects safe
# migrator: allow no-downgrade because there is nothing to take back
"""The same, beside the app."""

from alembic import op

revision = "reindex_concurrently"
down_revision = "production"


def upgrade():
    with op.get_context().autocommit_block():
        op.execute("REINDEX TABLE CONCURRENTLY customers")


def downgrade():
    pass
