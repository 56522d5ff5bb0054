# expects safe
"""All rows of a large table, in batches that are committed."""

from alembic import op

revision = "update_in_batches"
down_revision = "production"


def upgrade():
    with op.get_context().autocommit_block():
        connection, changed, rounds = op.get_bind(), 1, 0
        while changed and rounds < 5:
            changed = connection.exec_driver_sql(
                "UPDATE orders SET paid = true WHERE id IN"
                " (SELECT id FROM orders WHERE NOT paid ORDER BY id LIMIT 1000)"
            ).rowcount
            rounds += 1


def downgrade():
    op.execute("UPDATE orders SET paid = false WHERE id = 5")
