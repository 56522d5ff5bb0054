"""Do nothing."""

revision: str = "r2"
down_revision: str | None = "r1"


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
