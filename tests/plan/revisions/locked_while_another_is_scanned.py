# expects danger: index-not-concurrent, table-locked-while-another-is-scanned
"""A small table waits while a large one is read."""

import sqlalchemy as sa
from alembic import op

revision = "locked_while_another_is_scanned"
down_revision = "production"


def upgrade():
    op.add_column("labels", sa.Column("vat", sa.Integer))
    op.create_index("by_note", "orders", ["note"])


def downgrade():
    op.drop_index("by_note")
    op.drop_column("labels", "vat")
