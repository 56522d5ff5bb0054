# expects caution: lock-order
"""Two tables in use, locked one after the other."""

import sqlalchemy as sa
from alembic import op

revision = "two_tables"
down_revision = "production"


def upgrade():
    op.add_column("orders", sa.Column("vat", sa.Integer))
    op.add_column("customers", sa.Column("vat", sa.Integer))


def downgrade():
    op.drop_column("orders", "vat")
    op.drop_column("customers", "vat")
