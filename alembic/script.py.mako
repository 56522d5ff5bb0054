"""${message.rstrip(".")}.

Say why it is written so: the locks it takes and for how long, what the code that is still serving
meets while it runs, and what happens if it is run a second time.
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}
revision: str = ${repr(up_revision)}
down_revision: str | tuple[str, ...] | None = ${repr(down_revision)}
branch_labels: str | tuple[str, ...] | None = ${repr(branch_labels)}
depends_on: str | tuple[str, ...] | None = ${repr(depends_on)}


def upgrade() -> None:
    """Say what it does."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Say what it takes back, and what it cannot."""
    ${downgrades if downgrades else "pass"}
