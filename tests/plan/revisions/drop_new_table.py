# expects safe
"""A table comes and goes within the release."""

import sqlalchemy as sa
from alembic import op

revision = "drop_new_table"
down_revision = "production"


def upgrade():
    op.create_table("draft", sa.Column("id", sa.Integer))
    op.drop_table("draft")
    op.create_table("refunds", sa.Column("id", sa.Integer))


def downgrade():
    op.drop_table("refunds")
