# expects safe
"""A column with a constant."""

import sqlalchemy as sa
from alembic import op

revision = "add_column_constant_default"
down_revision = "production"


def upgrade():
    op.add_column("orders", sa.Column("vat", sa.Integer, server_default="19"))


def downgrade():
    op.drop_column("orders", "vat")
