# expects danger: fails
# migrator: allow no-downgrade because it never gets there
"""It names a column that is not there."""

from alembic import op

revision = "fails"
down_revision = "production"


def upgrade():
    op.drop_column("orders", "colour")


def downgrade():
    pass
