# expects safe
"""A new table that refers to a large one."""

import sqlalchemy as sa
from alembic import op

revision = "foreign_key_of_new_table"
down_revision = "production"


def upgrade():
    op.create_table(
        "refunds",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("order_id", sa.BigInteger, sa.ForeignKey("orders.id")),
    )


def downgrade():
    op.drop_table("refunds")
