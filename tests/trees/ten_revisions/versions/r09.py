"""Create a table and fill it."""

from alembic import op

revision: str = "r09"
down_revision: str | None = "r08"


def upgrade() -> None:
    op.execute("CREATE TABLE t09 (id bigint PRIMARY KEY, note text)")
    op.execute("SELECT pg_sleep(0.03)")
    op.execute("INSERT INTO t09 SELECT n, n::text FROM generate_series(1, 100) AS n")


def downgrade() -> None:
    op.execute("DROP TABLE t09")
