"""Record the name under which env.py has connected."""

from alembic import op

revision: str = "r2"
down_revision: str | None = "r1"


def upgrade() -> None:
    op.execute(
        "CREATE TABLE seen AS SELECT current_setting('application_name') AS application_name"
    )


def downgrade() -> None:
    op.drop_table("seen")
