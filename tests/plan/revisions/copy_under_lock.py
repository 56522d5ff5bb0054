# expects danger: lock-held-across-statements
"""The same, while the large one is locked."""

import sqlalchemy as sa
from alembic import op

revision = "copy_under_lock"
down_revision = "production"


def upgrade():
    op.add_column("orders", sa.Column("vat", sa.Integer))
    op.execute("CREATE TABLE archive AS SELECT * FROM orders")


def downgrade():
    op.drop_table("archive")
    op.drop_column("orders", "vat")
