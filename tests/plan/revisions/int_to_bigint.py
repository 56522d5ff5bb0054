# expects danger: type-change-rewrites
"""integer to bigint."""

import sqlalchemy as sa
from alembic import op

revision = "int_to_bigint"
down_revision = "production"


def upgrade():
    op.alter_column("orders", "amount", type_=sa.BigInteger)


def downgrade():
    op.alter_column("orders", "amount", type_=sa.Integer)
