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
prepend_sys_path = .
path_separator = os
sqlalchemy.url = {url}
"""
_REVISION = '''"""add thing {number}

Revision ID: {id}
Revises: {parent}
Create Date: 2026-01-01 00:00:00

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa


revision: str = "{id}"
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
_SQL = """-- migrate:up
CREATE TABLE things_{number:05} (id BIGSERIAL PRIMARY KEY, name TEXT NOT NULL);
CREATE INDEX things_{number:05}_name ON things_{number:05} (name);

-- migrate:down
DROP TABLE things_{number:05};
"""
_BASE = """from sqlalchemy.orm import DeclarativeBase


class Base(DeclarativeBase):
    pass
"""
_MODEL = """from sqlalchemy import BigInteger, ForeignKey, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.base import Base


class Thing{number}(Base):
    __tablename__ = "things_{number:05}"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    name: Mapped[str] = mapped_column(Text, index=True)
"""
MODELS = 40
"""How many modules of models the application has that an env.py imports."""


def identifier(number: int) -> str:
    """Give the id of a revision, counted from 1."""
    return f"r{number:05}"


def project(home: Path, length: int, url: str, *, models: bool = False) -> Path:
    """Make a project of so many revisions for this database; gives its folder.

    With `models` its env.py imports those of an application, as most do for autogenerate.
    """
    folder = home / "project"
    versions = folder / "alembic" / "versions"
    versions.mkdir(parents=True)
    driver = url.replace("postgresql:", "postgresql+psycopg2:", 1).replace("%", "%%")
    (folder / "alembic.ini").write_text(_INI.format(url=driver))
    (folder / "alembic" / "env.py").write_text(_env_py(models=models))
    for name, text in _revisions(length):
        (versions / name).write_text(text)
    if models:
        _application(folder / "app")
    return folder


def statements(folder: Path, length: int) -> None:
    """Write the same history as files of SQL, as dbmate reads them."""
    folder.mkdir()
    for number in range(1, length + 1):
        (folder / f"2026{number:010}_add_thing.sql").write_text(_SQL.format(number=number))


def without_bytecode(folder: Path) -> None:
    """Take away what Python has compiled, as in a container that may not write."""
    for cache in folder.rglob("__pycache__"):
        shutil.rmtree(cache)


def _env_py(*, models: bool) -> str:
    """Fill the template, without fileConfig: the ini has no sections for it."""
    lines = (_TEMPLATES / "env.py").read_text().splitlines()
    lines = [line for line in lines if "fileConfig" not in line]
    text = "\n".join(line for line in lines if "config.config_file_name is not None" not in line)
    if models:
        text = text.replace("target_metadata = None", "target_metadata = Base.metadata")
        text = f"from app import Base\n{text}"
    return text + "\n"


def _application(folder: Path) -> None:
    """Write a package of models, a module each."""
    folder.mkdir()
    (folder / "base.py").write_text(_BASE)
    imported = ["from app.base import Base"]
    for number in range(1, MODELS + 1):
        (folder / f"thing_{number}.py").write_text(_MODEL.format(number=number))
        imported.append(f"from app.thing_{number} import Thing{number}")
    (folder / "__init__.py").write_text("\n".join(imported) + "\n")


def _revisions(length: int) -> Iterator[tuple[str, str]]:
    for number in range(1, length + 1):
        parent = identifier(number - 1) if number > 1 else ""
        down = f'"{parent}"' if parent else "None"
        own = identifier(number)
        yield (
            f"{own}_add_thing.py",
            _REVISION.format(number=number, id=own, parent=parent, down=down),
        )
