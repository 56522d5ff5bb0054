# expects safe
"""A column that is null in all rows, and refers to a table."""

from alembic import op

revision = "foreign_key_with_new_column"
down_revision = "production"


def upgrade():
    op.execute("ALTER TABLE orders ADD COLUMN colour integer REFERENCES labels")


def downgrade():
    op.drop_column("orders", "colour")
