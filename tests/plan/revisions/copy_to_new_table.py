# expects safe
"""A new table with the rows of a large one."""

from alembic import op

revision = "copy_to_new_table"
down_revision = "production"


def upgrade():
    op.execute("CREATE TABLE archive AS SELECT * FROM orders")


def downgrade():
    op.drop_table("archive")
