"""Merge r2 and r3."""

revision: str = "r4"
down_revision: tuple[str, ...] = ("r2", "r3")


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
