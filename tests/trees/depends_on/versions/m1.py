"""Merge the two branches."""

revision: str = "m1"
down_revision: tuple[str, ...] = ("a2", "b2")


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
