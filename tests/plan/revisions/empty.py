# expects safe
"""It says that it does nothing."""

revision = "empty"
down_revision = "production"


def upgrade():
    pass


def downgrade():
    pass
