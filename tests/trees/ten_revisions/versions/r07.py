"""Create a table and fill it."""

from alembic import op

revision: str = "r07"
down_revision: str | None = "r06"


def upgrade() -> None:
    op.execute("CREATE TABLE t07 (id bigint PRIMARY KEY, note text)")
    op.execute("SELECT pg_sleep(0.03)")
    op.execute("INSERT INTO t07 SELECT n, n::text FROM generate_series(1, 100) AS n")


def downgrade() -> None:
    op.execute("DROP TABLE t07")
