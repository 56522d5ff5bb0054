"""Create a table and fill it."""

from alembic import op

revision: str = "r10"
down_revision: str | None = "r09"


def upgrade() -> None:
    op.execute("CREATE TABLE t10 (id bigint PRIMARY KEY, note text)")
    op.execute("SELECT pg_sleep(0.03)")
    op.execute("INSERT INTO t10 SELECT n, n::text FROM generate_series(1, 100) AS n")


def downgrade() -> None:
    op.execute("DROP TABLE t10")
