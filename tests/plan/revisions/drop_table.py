# expects danger: drop-table
"""A table goes."""

from alembic import op

revision = "drop_table"
down_revision = "production"


def upgrade():
    op.drop_table("labels")


def downgrade():
    op.execute("CREATE TABLE labels (id integer PRIMARY KEY)")
