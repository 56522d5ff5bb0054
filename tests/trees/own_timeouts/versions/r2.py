"""Record the timeouts that hold while this runs."""

from alembic import op

revision: str = "r2"
down_revision: str | None = "r1"


def upgrade() -> None:
    op.execute("""
        CREATE TABLE seen AS
        SELECT current_setting('lock_timeout') AS lock_timeout,
               current_setting('statement_timeout') AS statement_timeout
    """)


def downgrade() -> None:
    op.drop_table("seen")
