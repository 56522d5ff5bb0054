# expects safe
"""numeric(10,2) to numeric(12,2)."""

import sqlalchemy as sa
from alembic import op

revision = "numeric_more_digits"
down_revision = "production"


def upgrade():
    op.alter_column("orders", "total", type_=sa.Numeric(12, 2))


def downgrade():
    op.alter_column("orders", "total", type_=sa.Numeric(10, 2))
