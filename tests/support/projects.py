"""Projects on disk, written by a test or copied from Alembic's own templates."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from tests.support.command import TREES

_REVISION = '''"""Revision {id}."""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa

revision: str = {id!r}
down_revision: Union[str, Sequence[str], None] = {parent!r}
branch_labels: Union[str, Sequence[str], None] = {label!r}
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    """Do nothing."""
    op.execute(sa.text("SELECT 1"))
'''
MODELS = "from sqlalchemy.orm import declarative_base\n\nBase = declarative_base()\n"
_ENDS_ITS_PROCESS = {"signal_after_commit"}


def revision(name: str, parent: str | None = None, label: str | None = None) -> str:
    """Give the source of a revision that does nothing."""
    return _REVISION.format(id=name, parent=parent, label=label)


def template(name: str, file: str) -> str:
    """Give a file of one of Alembic's own templates, for a project with its script in `db`."""
    spec = importlib.util.find_spec("alembic")
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).parent / "templates" / name / file
    return source.read_text().replace("${script_location}", "db")


def write(folder: Path, files: dict[str, str]) -> None:
    """Write a project of two revisions, and these files of its own."""
    revisions = {"db/versions/r1_.py": revision("r1"), "db/versions/r2_.py": revision("r2", "r1")}
    for name, text in (revisions | files).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def with_models(folder: Path) -> Path:
    """Write a project whose env.py imports the models of an application, and give its folder."""
    env_py = template("generic", "env.py").replace(
        "target_metadata = None",
        "from app.models import Base\ntarget_metadata = Base.metadata",
    )
    assert "app.models" in env_py
    ini = template("generic", "alembic.ini.mako")
    app = {"app/__init__.py": "", "app/models.py": MODELS}
    write(folder, {"alembic.ini": ini, "db/env.py": env_py, **app})
    return folder


def trees() -> list[str]:
    """Give the names of the projects in tests/trees that do not kill the process they run in."""
    return sorted({each.name for each in TREES.iterdir() if each.is_dir()} - _ENDS_ITS_PROCESS)
