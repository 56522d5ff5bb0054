# expects safe
"""It changes what it reads, and the copy has no rows to read."""

from alembic import op
from sqlalchemy import text

revision = "reads_by_a_cursor"
down_revision = "production"

READ = text("SELECT id FROM labels WHERE colour IS NULL").execution_options(stream_results=True)
WRITE = text("UPDATE labels SET colour = 'red' WHERE id = :id")


def upgrade():
    for (number,) in op.get_bind().execute(READ):
        op.get_bind().execute(WRITE, {"id": number})


def downgrade():
    op.execute("UPDATE labels SET colour = NULL WHERE id = 1")
