"""The fingerprint changes with each file that decides the answer, and with nothing else."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from migrator.outline.fingerprint import fingerprint
from tests.outline.project import template, told, within, write

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "db/env.py": "import app\n" + template("generic", "env.py"),
    "alembic.ini": template("generic", "alembic.ini.mako") + "[more]\nmine = 1\n",
    "pyproject.toml": "[tool.ruff]\n",
    "app.py": "",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give the folder of a project of which nothing is proven."""
    write(tmp_path, FILES)
    return tmp_path


def of(folder: Path, **flags: str) -> str | None:
    with within(folder):
        return fingerprint(told("postgresql://u@h/d", **flags), os.environ)


def test_it_is_there_also_where_nothing_is_proven_and_stays_the_same(project: Path) -> None:
    first = of(project)
    assert first is not None
    assert len(first) == 64
    os.utime(project / "db/env.py", (0, 0))
    assert of(project) == first


@pytest.mark.parametrize("name", ["alembic.ini", "db/env.py", "db/versions/r1_.py"])
def test_it_changes_with_a_file(project: Path, name: str) -> None:
    before = of(project)
    (project / name).write_text((project / name).read_text() + "\n# more\n")
    assert of(project) != before


def test_it_changes_with_a_name_a_new_file_and_one_less(project: Path) -> None:
    versions = project / "db/versions"
    seen = {of(project)}
    (versions / "r1_.py").rename(versions / "r1__.py")
    seen.add(of(project))
    (versions / "r3.py").touch()
    seen.add(of(project))
    (versions / "r3.py").rename(versions / "r4.py")
    seen.add(of(project))
    (versions / "r1__.py").unlink()
    seen.add(of(project))
    assert len(seen) == 5


def test_it_tells_what_moves_from_one_file_to_the_next(project: Path) -> None:
    versions = project / "db/versions"
    (versions / "r1_.py").write_text("ab")
    (versions / "r2_.py").write_text("c")
    before = of(project)
    (versions / "r1_.py").write_text("a")
    (versions / "r2_.py").write_text("bc")
    assert of(project) != before


@pytest.mark.parametrize("name", ["app.py", "pyproject.toml", "db/versions/notes.txt"])
def test_it_does_not_change_with_another_file(project: Path, name: str) -> None:
    before = of(project)
    (project / name).write_text("# more\n")
    assert of(project) == before


def test_each_section_has_its_own(project: Path) -> None:
    ini = project / "alembic.ini"
    ini.write_text(ini.read_text() + "[other]\nscript_location = db\n")
    sections = ("alembic", "other", "other,alembic", "alembic,other")
    assert len({of(project, config_section=section) for section in sections}) == 4


def test_it_is_none_where_the_files_are_not_known(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert of(project, config_section="nowhere") is None
    monkeypatch.setenv("FLASK_APP", "app")
    assert of(project) is None


def test_two_copies_of_a_project_have_the_same(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = tmp_path_factory.mktemp("copy")
    write(copy, FILES)
    assert of(copy) == of(project)
