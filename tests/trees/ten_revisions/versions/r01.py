"""Create a table and fill it."""

from alembic import op

revision: str = "r01"
down_revision: str | None = None


def upgrade() -> None:
    op.execute("CREATE TABLE t01 (id bigint PRIMARY KEY, note text)")
    op.execute("SELECT pg_sleep(0.03)")
    op.execute("INSERT INTO t01 SELECT n, n::text FROM generate_series(1, 100) AS n")


def downgrade() -> None:
    op.execute("DROP TABLE t01")
