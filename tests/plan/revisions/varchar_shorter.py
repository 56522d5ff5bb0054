# expects danger: type-change-rewrites
"""varchar(50) to varchar(40)."""

import sqlalchemy as sa
from alembic import op

revision = "varchar_shorter"
down_revision = "production"


def upgrade():
    op.alter_column("orders", "note", type_=sa.String(40))


def downgrade():
    op.alter_column("orders", "note", type_=sa.String(50))
