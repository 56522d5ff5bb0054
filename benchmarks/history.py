"""Projects of a given length for the benchmarks: Alembic's own templates, filled."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import alembic

if TYPE_CHECKING:
    from collections.abc import Iterator

_TEMPLATES = Path(alembic.__file__).parent / "templates" / "generic"
_INI = """[alembic]
script_location = %(here)s/alembic
path_separator = os
sqlalchemy.url = {url}
"""
_REVISION = '''"""add thing {number}

Revision ID: r{number:05}
Revises: {parent}
Create Date: 2026-01-01 00:00:00

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa


revision: str = "r{number:05}"
down_revision: Union[str, Sequence[str], None] = {down}
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    op.create_table(
        "things_{number:05}",
        sa.Column("id", sa.BigInteger(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
    )
    op.create_index("things_{number:05}_name", "things_{number:05}", ["name"])


def downgrade() -> None:
    op.drop_table("things_{number:05}")
'''


def project(home: Path, length: int, url: str) -> Path:
    """Make a project of so many revisions for this database; gives its folder."""
    folder = home / f"project_{length}"
    versions = folder / "alembic" / "versions"
    versions.mkdir(parents=True)
    driver = url.replace("postgresql:", "postgresql+psycopg2:", 1).replace("%", "%%")
    (folder / "alembic.ini").write_text(_INI.format(url=driver))
    env_py = (_TEMPLATES / "env.py").read_text()  # without fileConfig: the ini has no such sections
    lines = [line for line in env_py.splitlines() if "fileConfig" not in line]
    lines = [line for line in lines if "config.config_file_name is not None" not in line]
    (folder / "alembic" / "env.py").write_text("\n".join(lines) + "\n")
    for name, text in _revisions(length):
        (versions / name).write_text(text)
    return folder


def without_bytecode(folder: Path) -> None:
    """Take away what Python has compiled, as in a container that may not write."""
    for cache in folder.rglob("__pycache__"):
        shutil.rmtree(cache)


def _revisions(length: int) -> Iterator[tuple[str, str]]:
    for number in range(1, length + 1):
        parent = f"r{number - 1:05}" if number > 1 else ""
        down = f'"{parent}"' if parent else "None"
        text = _REVISION.format(number=number, parent=parent, down=down)
        yield f"r{number:05}_add_thing.py", text
