"""Projects on disk, read in both ways: by their files, and by running them."""

from __future__ import annotations

import importlib.util
import logging
import os
import sys
import warnings
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.database.connection import connect
from migrator.database.identity import witness
from migrator.outline import reading
from migrator.project.find import find
from migrator.project.survey import survey
from migrator.settings import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.outline.proven import Outline
    from migrator.project.plan import Plan
    from migrator.settings.table import Settings

REVISION = '''"""Revision {id}."""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa

revision: str = {id!r}
down_revision: Union[str, Sequence[str], None] = {parent!r}
branch_labels: Union[str, Sequence[str], None] = None
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    """Do nothing."""
    op.execute(sa.text("SELECT 1"))
'''


def template(name: str, file: str) -> str:
    """Give a file of one of Alembic's own templates, for a project with its script in `db`."""
    spec = importlib.util.find_spec("alembic")
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).parent / "templates" / name / file
    return source.read_text().replace("${script_location}", "db")


def write(folder: Path, files: dict[str, str]) -> None:
    """Write a project of two revisions, and these files of its own."""
    revisions = {
        "db/versions/r1_.py": REVISION.format(id="r1", parent=None),
        "db/versions/r2_.py": REVISION.format(id="r2", parent="r1"),
    }
    for name, text in (revisions | files).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@contextmanager
def within(folder: Path) -> Iterator[None]:
    """Stand in a folder, as a process of its own would; what a project leaves behind is undone."""
    before, path, root = Path.cwd(), sys.path[:], logging.getLogger()
    handlers, level = root.handlers[:], root.level
    os.chdir(folder)
    try:
        with redirect_stderr(StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        os.chdir(before)
        sys.path[:], root.handlers[:] = path, handlers
        root.setLevel(level)


def told(url: str, **flags: str) -> Settings:
    """Give the settings of a run on this database."""
    loaded = load.load({"database_url": url, **flags}, os.environ).settings
    assert loaded is not None
    return loaded


def proven(folder: Path, url: str, **flags: str) -> Outline | None:
    """Give what the files prove."""
    with within(folder):
        return reading.read(told(url, **flags), os.environ)


def found(folder: Path, url: str, **flags: str) -> Plan | None:
    """Give what the full path finds, without a change; None where it ends in an error."""
    with within(folder):
        told_ = told(url, **flags)
        try:
            with connect(told_.database_url, told_.connect_timeout) as server:
                return survey(find(told_), witness(server))
        except BaseException:  # noqa: BLE001 - whatever a project raises ends the full path
            return None
