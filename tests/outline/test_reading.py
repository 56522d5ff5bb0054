"""The reading as a whole: what it needs, when it is not asked, and that it never fails a run."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from migrator.database.version_table import VersionTable
from migrator.outline import history, reading
from migrator.outline.doubt import DoubtError
from migrator.outline.proven import Outline
from migrator.outline.revision import declared
from tests.outline.project import REVISION, proven, template, told, within, write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

URL = "postgresql://u@h/d"
GENERIC = {
    "db/env.py": template("generic", "env.py"),
    "alembic.ini": template("generic", "alembic.ini.mako"),
}


@pytest.fixture
def generic(tmp_path: Path) -> Path:
    """Give the folder of a project of Alembic's template."""
    write(tmp_path, GENERIC)
    return tmp_path


def test_it_gives_the_head_and_the_version_table(generic: Path) -> None:
    outline = proven(generic, URL)
    assert outline is not None
    files = {one: str(generic / "db" / "versions" / f"{one}_.py") for one in ("r1", "r2")}
    assert outline == Outline("r2", VersionTable(None, "alembic_version"), files)


def test_only_one_row_for_the_head_satisfies_it(generic: Path) -> None:
    outline = proven(generic, URL)
    assert outline is not None
    assert outline.satisfied_by(["r2"])
    for rows in ([], ["r1"], ["r1", "r2"], ["r2", "r2"], ["R2"], ["r2 "]):
        assert not outline.satisfied_by(rows)


@pytest.mark.parametrize(
    "flags",
    [
        *({"target": "heads"}, {"target": "r2"}, {"target": "+1"}, {"x": "a=b"}),
        {"config_section": "alembic,billing"},
    ],
)
def test_an_unusual_run_is_not_answered(generic: Path, flags: dict[str, str]) -> None:
    assert proven(generic, URL, **flags) is None


def test_where_warnings_may_be_errors_nothing_is_proven(
    generic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "warnoptions", ["error"])
    assert proven(generic, URL) is None


def test_it_says_what_is_in_doubt(generic: Path) -> None:
    (generic / "db/env.py").write_text("import context\n")
    with within(generic), pytest.raises(DoubtError, match=r"env\.py: importing context may fail"):
        reading.prove(told(URL), os.environ)


def test_what_python_says_of_a_file_is_not_said(
    generic: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    file = generic / "db/versions/r2_.py"
    file.write_text(file.read_text() + "\nx = '\\d'\n")
    assert proven(generic, URL) is not None
    assert capfd.readouterr().err == ""


def test_of_many_files_of_one_template_two_are_examined(
    generic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first revision, which follows none, and the second: so it stays fast."""
    for number in range(3, 50):
        text = REVISION.format(id=f"r{number}", parent=f"r{number - 1}")
        (generic / f"db/versions/{number}.py").write_text(text)
    examined: list[bytes] = []

    def examine(source: bytes) -> Mapping[str, object]:
        examined.append(source)
        return declared(source)

    monkeypatch.setattr(history, "declared", examine)
    outline = proven(generic, URL)
    assert outline is not None
    assert outline.head == "r49"
    assert len(examined) == 2


def test_it_needs_nothing_but_pythons_own_library() -> None:
    program = """
import sys
from migrator.outline import fingerprint, reading
heavy = {"alembic", "asyncio", "click", "logging", "psycopg2", "sqlalchemy", "structlog", "tomllib"}
sys.exit(" ".join(heavy & sys.modules.keys()) or None)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
