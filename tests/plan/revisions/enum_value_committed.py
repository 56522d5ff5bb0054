# expects safe
# migrator: allow no-downgrade because Postgres cannot drop a value
"""A value of an enum, committed at once and used."""

from alembic import op

revision = "enum_value_committed"
down_revision = "production"


def upgrade():
    with op.get_context().autocommit_block():
        op.execute("ALTER TYPE mood ADD VALUE 'sad'")
    op.execute("UPDATE labels SET mood = 'sad' WHERE id = 1")


def downgrade():
    pass
