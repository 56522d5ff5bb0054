# expects danger: volatile-default
"""A column with another value in each row."""

import sqlalchemy as sa
from alembic import op

revision = "add_column_volatile_default"
down_revision = "production"


def upgrade():
    op.add_column(
        "orders", sa.Column("seen", sa.DateTime, server_default=sa.func.clock_timestamp())
    )


def downgrade():
    op.drop_column("orders", "seen")
