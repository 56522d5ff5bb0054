# expects safe
"""integer to bigint on a small table."""

import sqlalchemy as sa
from alembic import op

revision = "int_to_bigint_small_table"
down_revision = "production"


def upgrade():
    op.alter_column("labels", "weight", type_=sa.BigInteger)


def downgrade():
    op.alter_column("labels", "weight", type_=sa.Integer)
