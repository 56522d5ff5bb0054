"""The fingerprint of a project changes with whatever may change its answer, and little else."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from migrator.project import fingerprint
from migrator.project.fingerprint import Used
from migrator.settings import load

if TYPE_CHECKING:
    from pathlib import Path

ENVIRON = {"PATH": "/bin", "SCHEMA": "a", "HOSTNAME": "pod-1", "RAILWAY_DEPLOYMENT_ID": "1"}
URL = "postgresql://u:secret@h/d"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in the folder of a project."""
    files = ("alembic.ini", "db/env.py", "db/versions/r1.py", "db/versions/r2.py", "app/models.py")
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"# {name}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def key(environ: dict[str, str] | None = None, **flags: str) -> str | None:
    given: dict[str, str | None] = {"database_url": URL, **flags}
    return fingerprint.key(load.read(given, {})[0], {**ENVIRON, **(environ or {})})


def contents(folder: Path, **environ: str) -> str | None:
    used = Used(
        files=(
            str(folder / "alembic.ini"),
            str(folder / "db/env.py"),
            str(folder / "app/models.py"),
        ),
        folders=(str(folder), str(folder / "app")),
        versions=(str(folder / "db/versions"),),
    )
    return fingerprint.contents(used, {**ENVIRON, **environ})


# The key


def test_the_key_stays_the_same_for_another_pod_of_the_same_deployment(project: Path) -> None:
    assert key() == key({"HOSTNAME": "pod-2", "RAILWAY_DEPLOYMENT_ID": "2", "MIGRATOR_X": "a"})
    assert key() == key(database_url="postgresql://u:other@h/d?application_name=more")
    os.utime(project / "alembic.ini", (0, 0))
    (project / "README.md").write_text("more")
    assert key() == key()


@pytest.mark.parametrize(
    "flags",
    [
        {"target": "heads"},
        {"x": "tenant=acme"},
        {"config_section": "billing"},
        {"config_section": "alembic,billing"},
        {"config": "alembic.ini"},
        {"transactions": "one"},
        {"database_url": "postgresql://u:secret@h/other"},
        {"database_url": "postgresql+asyncpg://u:secret@h/d"},
        {"database_url": "postgresql://u:secret@h/d?options=-csearch_path%3Da"},
    ],
    ids=str,
)
@pytest.mark.usefixtures("project")
def test_the_key_changes_with_a_setting_that_may_change_the_answer(
    flags: dict[str, str],
) -> None:
    assert key(None, **flags) != key()


@pytest.mark.parametrize(
    "name", ["alembic.ini", "pyproject.toml", "migrations/alembic.ini", ".env", ".flaskenv"]
)
def test_the_key_changes_with_the_configuration(project: Path, name: str) -> None:
    before = key()
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).write_text("more")
    assert key() != before


def test_the_key_changes_with_a_file_that_is_named_and_the_toml_beside_it(project: Path) -> None:
    seen = {key(config="db/own.ini")}
    for name in ("db/own.ini", "db/pyproject.toml"):
        (project / name).write_text("more")
        seen |= {key(config="db/own.ini"), key({"ALEMBIC_CONFIG": "db/own.ini"})}
    assert len(seen) == 5


def test_the_key_changes_with_a_variable(project: Path) -> None:
    del project
    assert key({"SCHEMA": "b"}) != key()
    assert key({"MORE": ""}) != key()


def test_the_key_changes_with_what_is_installed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = project / "packages"
    (packages / "more-1.0.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(str(packages))
    seen = {key()}
    (packages / "other-1.0.dist-info").mkdir()
    seen.add(key())
    os.utime(packages / "other-1.0.dist-info", (0, 0))  # as if installed again
    seen.add(key())
    (packages / "editable.pth").write_text("/somewhere")
    seen.add(key())
    assert len(seen) == 4


def test_the_key_changes_where_python_takes_warnings_for_errors(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del project
    before = key()
    monkeypatch.setattr(sys, "warnoptions", ["error"])
    assert key() != before


def test_the_key_changes_with_the_folder_and_with_the_search_for_modules_in_it(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = {key()}
    monkeypatch.syspath_prepend(str(project))
    seen.add(key())
    monkeypatch.chdir(project / "db")
    (project / "db/alembic.ini").write_text("# alembic.ini\n")
    seen.add(key())
    assert len(seen) == 3


def test_without_a_project_there_is_no_key(project: Path) -> None:
    assert key(config="elsewhere.ini") is None
    (project / "alembic.ini").unlink()
    (project / ".env").write_text("A=1")
    (project / "pyproject.toml").write_text("[tool.ruff]\n")
    assert key() is None
    (project / "pyproject.toml").write_text("[tool.alembic]\n")
    assert key() is not None


# The contents


def test_the_contents_stay_the_same_for_files_that_nothing_could_be_imported_from(
    project: Path,
) -> None:
    before = contents(project)
    for name in ("README.md", "db/versions/notes.txt", "app/template.html", "db/more.py"):
        (project / name).write_text("more")
    (project / "app" / "__pycache__").mkdir()
    (project / ".cache").mkdir()
    os.utime(project / "db/env.py", (0, 0))
    assert contents(project, HOSTNAME="pod-2") == before


@pytest.mark.parametrize(
    "name",
    ["alembic.ini", "db/env.py", "app/models.py", "db/versions/r2.py"],
)
def test_the_contents_change_with_each_file(project: Path, name: str) -> None:
    before = contents(project)
    (project / name).write_text("more")
    assert contents(project) not in {before, None}


@pytest.mark.parametrize(
    "name",
    ["db/versions/r3.py", "db/versions/2026/r3.py", "app/extra.py", "sqlalchemy.py", "six/a.py"],
)
def test_the_contents_change_with_a_new_revision_or_a_module_that_might_be_imported(
    project: Path, name: str
) -> None:
    before = contents(project)
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).write_text("")
    assert contents(project) not in {before, None}


def test_the_contents_change_with_a_revision_that_is_gone_or_has_another_name(
    project: Path,
) -> None:
    seen = {contents(project)}
    (project / "db/versions/r2.py").rename(project / "db/versions/r3.py")
    seen.add(contents(project))
    (project / "db/versions/r3.py").unlink()
    seen.add(contents(project))
    assert len(seen) == 3


def test_what_moves_from_one_revision_to_the_next_changes_the_contents(project: Path) -> None:
    (project / "db/versions/r1.py").write_text("ab")
    (project / "db/versions/r2.py").write_text("c")
    before = contents(project)
    (project / "db/versions/r1.py").write_text("a")
    (project / "db/versions/r2.py").write_text("bc")
    assert contents(project) != before


@pytest.mark.parametrize("name", ["db/env.py", "app/models.py"])
def test_without_one_of_the_files_there_are_no_contents(project: Path, name: str) -> None:
    (project / name).unlink()
    assert contents(project) is None


@pytest.mark.parametrize("written", ["HOSTNAME", "hostname: str"])
def test_the_contents_change_with_a_passing_variable_that_a_file_names(
    project: Path, written: str
) -> None:
    (project / "app/models.py").write_text(written)
    assert contents(project, HOSTNAME="pod-2") != contents(project)
    assert contents(project, RAILWAY_DEPLOYMENT_ID="2") == contents(project)
