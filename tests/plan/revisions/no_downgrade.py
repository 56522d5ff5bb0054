# expects caution: no-downgrade
"""It cannot be taken back."""

import sqlalchemy as sa
from alembic import op

revision = "no_downgrade"
down_revision = "production"


def upgrade():
    op.add_column("orders", sa.Column("vat", sa.Integer))


def downgrade():
    pass
