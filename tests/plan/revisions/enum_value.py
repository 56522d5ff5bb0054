# expects safe
# migrator: allow no-downgrade because Postgres cannot drop a value
"""A value of an enum, in a transaction."""

from alembic import op

revision = "enum_value"
down_revision = "production"


def upgrade():
    op.execute("ALTER TYPE mood ADD VALUE 'sad'")


def downgrade():
    pass
