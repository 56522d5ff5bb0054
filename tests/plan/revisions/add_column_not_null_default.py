# expects safe
"""NOT NULL with a default that stays."""

import sqlalchemy as sa
from alembic import op

revision = "add_column_not_null_default"
down_revision = "production"


def upgrade():
    op.add_column("orders", sa.Column("vat", sa.Integer, nullable=False, server_default="19"))


def downgrade():
    op.drop_column("orders", "vat")
