# expects safe
"""NOT NULL by a CHECK in three transactions."""

from alembic import op

revision = "not_null_in_three_steps"
down_revision = "production"


def upgrade():
    op.execute("ALTER TABLE orders ADD CONSTRAINT n CHECK (note IS NOT NULL) NOT VALID")
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE orders VALIDATE CONSTRAINT n")
    op.alter_column("orders", "note", nullable=False)


def downgrade():
    op.alter_column("orders", "note", nullable=True)
    op.drop_constraint("n", "orders")
