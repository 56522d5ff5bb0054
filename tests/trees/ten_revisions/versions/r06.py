"""Create a table and fill it."""

from alembic import op

revision: str = "r06"
down_revision: str | None = "r05"


def upgrade() -> None:
    op.execute("CREATE TABLE t06 (id bigint PRIMARY KEY, note text)")
    op.execute("SELECT pg_sleep(0.03)")
    op.execute("INSERT INTO t06 SELECT n, n::text FROM generate_series(1, 100) AS n")


def downgrade() -> None:
    op.execute("DROP TABLE t06")
