# expects danger: enum-value-used
"""A value of an enum, used in the transaction that adds it."""

from alembic import op

revision = "enum_value_used"
down_revision = "production"


def upgrade():
    op.execute("ALTER TYPE mood ADD VALUE 'sad'")
    op.execute("ALTER TABLE labels ALTER COLUMN mood SET DEFAULT 'sad'")


def downgrade():
    op.alter_column("labels", "mood", server_default=None)
