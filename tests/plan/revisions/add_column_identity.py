# expects danger: volatile-default
"""A column that numbers the rows."""

import sqlalchemy as sa
from alembic import op

revision = "add_column_identity"
down_revision = "production"


def upgrade():
    op.add_column("orders", sa.Column("number", sa.BigInteger, sa.Identity()))


def downgrade():
    op.drop_column("orders", "number")
