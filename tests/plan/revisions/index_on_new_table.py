# expects safe
"""An index on a table of this release."""

import sqlalchemy as sa
from alembic import op

revision = "index_on_new_table"
down_revision = "production"


def upgrade():
    op.create_table(
        "refunds", sa.Column("id", sa.BigInteger, primary_key=True), sa.Column("note", sa.Text)
    )
    op.create_index("by_note", "refunds", ["note"])


def downgrade():
    op.drop_table("refunds")
