"""Create a role, with an option that does not exist."""

from alembic import op

revision: str = "r2"
down_revision: str | None = "r1"


def upgrade() -> None:
    op.execute("CREATE ROLE reporting LOGIN PASSWORD 'hunter2-secret' NOSUCHOPTION")


def downgrade() -> None:
    op.execute("DROP ROLE reporting")
