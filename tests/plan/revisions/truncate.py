# expects danger: truncate
# migrator: allow no-downgrade because the rows are gone
"""A large table is emptied."""

from alembic import op

revision = "truncate"
down_revision = "production"


def upgrade():
    op.execute("TRUNCATE orders")


def downgrade():
    pass
