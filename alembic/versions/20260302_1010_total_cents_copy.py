"""Copy the totals of the rows that were there before the trigger, a thousand at a time.

One UPDATE of a large table holds its row locks, and keeps vacuum from every row that dies, until
its end. In the autocommit block each batch commits by itself. Batches walk the primary key, so none
reads what an earlier one has done; and a row that has its cents is left alone, so a run that was
broken off is taken up by running it again.

With `--sql` there is nobody to ask where a batch ends: the script gets one UPDATE for all rows.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "total_cents_copy"
down_revision: str | None = "total_cents_expand"

COPY_ALL = "UPDATE orders SET total_cents = round(total * 100) WHERE total_cents IS NULL"
COPY_BATCH = sa.text("""
    WITH batch AS (
        SELECT id FROM orders WHERE id > :after ORDER BY id LIMIT 1000
    ), copied AS (
        UPDATE orders SET total_cents = round(total * 100)
        FROM batch WHERE orders.id = batch.id AND total_cents IS NULL
    )
    SELECT max(id) FROM batch
""")


def upgrade() -> None:
    """Copy batch after batch, until one is empty."""
    with op.get_context().autocommit_block():
        if op.get_context().as_sql:
            op.execute(COPY_ALL)
            return
        # Asked for inside the block: outside it, the connection is not in autocommit.
        connection = op.get_bind()
        after: int | None = 0
        while after is not None:
            after = connection.execute(COPY_BATCH, {"after": after}).scalar()


def downgrade() -> None:
    """Leave the copies: the column goes with the revision that added it."""
