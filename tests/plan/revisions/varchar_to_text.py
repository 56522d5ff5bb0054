# expects safe
"""varchar(50) to text."""

import sqlalchemy as sa
from alembic import op

revision = "varchar_to_text"
down_revision = "production"


def upgrade():
    op.alter_column("orders", "note", type_=sa.Text)


def downgrade():
    op.alter_column("orders", "note", type_=sa.String(50))
