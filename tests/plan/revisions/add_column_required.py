# expects danger: column-required
"""A column that old code does not know, and must give."""

import sqlalchemy as sa
from alembic import op

revision = "add_column_required"
down_revision = "production"


def upgrade():
    op.add_column("orders", sa.Column("vat", sa.Integer, nullable=False))


def downgrade():
    op.drop_column("orders", "vat")
