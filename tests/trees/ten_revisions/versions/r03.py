"""Create a table and fill it."""

from alembic import op

revision: str = "r03"
down_revision: str | None = "r02"


def upgrade() -> None:
    op.execute("CREATE TABLE t03 (id bigint PRIMARY KEY, note text)")
    op.execute("SELECT pg_sleep(0.03)")
    op.execute("INSERT INTO t03 SELECT n, n::text FROM generate_series(1, 100) AS n")


def downgrade() -> None:
    op.execute("DROP TABLE t03")
