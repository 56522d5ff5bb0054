# expects caution: column-type-changed
"""integer to text: old code writes numbers."""

import sqlalchemy as sa
from alembic import op

revision = "int_to_text_small_table"
down_revision = "production"


def upgrade():
    op.alter_column("labels", "weight", type_=sa.Text)


def downgrade():
    op.alter_column("labels", "weight", type_=sa.Integer, postgresql_using="weight::integer")
