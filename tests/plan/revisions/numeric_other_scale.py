# expects danger: type-change-rewrites
"""numeric(10,2) to numeric(12,4)."""

import sqlalchemy as sa
from alembic import op

revision = "numeric_other_scale"
down_revision = "production"


def upgrade():
    op.alter_column("orders", "total", type_=sa.Numeric(12, 4))


def downgrade():
    op.alter_column("orders", "total", type_=sa.Numeric(10, 2))
