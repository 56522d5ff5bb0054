# expects danger: column-required
"""NOT NULL with a default that does not stay."""

import sqlalchemy as sa
from alembic import op

revision = "add_column_default_taken_away"
down_revision = "production"


def upgrade():
    op.add_column("orders", sa.Column("vat", sa.Integer, nullable=False, server_default="19"))
    op.alter_column("orders", "vat", server_default=None)


def downgrade():
    op.drop_column("orders", "vat")
