# expects danger: volatile-default
"""A column that is computed."""

import sqlalchemy as sa
from alembic import op

revision = "add_column_generated"
down_revision = "production"


def upgrade():
    op.add_column(
        "orders", sa.Column("twice", sa.Integer, sa.Computed("amount * 2", persisted=True))
    )


def downgrade():
    op.drop_column("orders", "twice")
