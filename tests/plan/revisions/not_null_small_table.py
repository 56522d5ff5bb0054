# expects caution: column-required
"""NOT NULL on a small table: read at once, but old code may leave it out."""

from alembic import op

revision = "not_null_small_table"
down_revision = "production"


def upgrade():
    op.alter_column("labels", "colour", nullable=False)


def downgrade():
    op.alter_column("labels", "colour", nullable=True)
