# expects safe
"""A column without a default."""

import sqlalchemy as sa
from alembic import op

revision = "add_column_nullable"
down_revision = "production"


def upgrade():
    op.add_column("orders", sa.Column("vat", sa.Integer))


def downgrade():
    op.drop_column("orders", "vat")
