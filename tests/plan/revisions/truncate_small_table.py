# expects caution: truncate
# migrator: allow no-downgrade because the rows are gone
"""A small table is emptied."""

from alembic import op

revision = "truncate_small_table"
down_revision = "production"


def upgrade():
    op.execute("TRUNCATE labels")


def downgrade():
    pass
