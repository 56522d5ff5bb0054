# expects safe
"""One table, altered twice."""

import sqlalchemy as sa
from alembic import op

revision = "one_table_twice"
down_revision = "production"


def upgrade():
    op.add_column("orders", sa.Column("vat", sa.Integer))
    op.add_column("orders", sa.Column("tip", sa.Integer))


def downgrade():
    op.drop_column("orders", "vat")
    op.drop_column("orders", "tip")
