# expects safe
"""varchar(50) to varchar(100)."""

import sqlalchemy as sa
from alembic import op

revision = "varchar_longer"
down_revision = "production"


def upgrade():
    op.alter_column("orders", "note", type_=sa.String(100))


def downgrade():
    op.alter_column("orders", "note", type_=sa.String(50))
