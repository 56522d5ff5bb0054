# expects danger: unique-constraint-builds-index
"""An exclusion constraint on a large table."""

from alembic import op

revision = "exclusion"
down_revision = "production"


def upgrade():
    op.execute("ALTER TABLE orders ADD CONSTRAINT one_ref EXCLUDE USING btree (ref WITH =)")


def downgrade():
    op.drop_constraint("one_ref", "orders")
