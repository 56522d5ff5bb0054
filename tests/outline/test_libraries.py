"""What a file may import is there, in the versions that the suite runs with, and is itself."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import alembic
import pytest
import sqlalchemy

from migrator.outline import installed, libraries, search_path
from migrator.outline.doubt import DoubtError
from tests.outline.project import found, proven, template, within, write

if TYPE_CHECKING:
    from tests.servers import Database

GENERIC = {
    "db/env.py": template("generic", "env.py"),
    "alembic.ini": template("generic", "alembic.ini.mako"),
}
LOGGING = GENERIC["alembic.ini"][GENERIC["alembic.ini"].index("[loggers]") :]


@pytest.mark.parametrize("module", libraries.LIBRARIES)
def test_every_name_that_may_be_imported_is_there(module: str) -> None:
    if module == "sqlalchemy.ext.asyncio" and sqlalchemy.__version__ < "2":
        pytest.skip("that is asked before it is said to be there")
    importlib.import_module(module)
    for name in libraries.LIBRARIES[module].split():
        exec(f"from {module} import {name}", {})  # noqa: S102 - as a revision does it


@pytest.mark.parametrize("package", [alembic, sqlalchemy])
def test_the_version_of_a_package_is_read_without_importing_it(package: object) -> None:
    said = package.__version__.split(".")[:2]  # type: ignore[attr-defined]
    assert installed.version(package.__name__) == tuple(map(int, said))  # type: ignore[attr-defined]


def test_a_package_that_does_not_say_its_version_is_doubted() -> None:
    for package in ("tests", "nowhere"):
        with pytest.raises(DoubtError):
            installed.version(package)


@pytest.mark.parametrize(
    "name",
    [
        *(
            "logging.py",
            "typing.pyc",
            "asyncio.cpython-311-x86_64-linux-gnu.so",
            "uuid/__init__.py",
        ),
        *("sqlalchemy/__init__.py", "alembic.py", "psycopg2/__init__.py", "greenlet.py"),
    ],
)
def test_a_file_that_may_hide_a_library_is_doubted(name: str, tmp_path: Path) -> None:
    write(tmp_path, {**GENERIC, name: ""})
    assert proven(tmp_path, "postgresql://h/d") is None
    (tmp_path / name).rename(tmp_path / "other.py")
    assert proven(tmp_path, "postgresql://h/d") is not None


@pytest.mark.parametrize("name", ["typing.txt", "alembic/r1.py", "types/models.py", "app.py"])
def test_a_file_that_hides_nothing_is_passed_over(
    name: str, tmp_path: Path, database: Database
) -> None:
    write(tmp_path, {**GENERIC, name: ""})
    assert proven(tmp_path, database.url) is not None
    assert found(tmp_path, database.url) is not None


def test_the_whole_search_path_before_pythons_own_library_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    search_path.check([])
    (tmp_path / "typing.py").touch()
    with pytest.raises(DoubtError, match=r"typing\.py"):
        search_path.check([])
    sys.path.append(sys.path.pop(0))
    search_path.check([])


def test_a_library_that_is_installed_on_the_search_path_is_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "asyncpg").mkdir()
    (tmp_path / "asyncpg/__init__.py").touch()
    with pytest.raises(DoubtError, match="asyncpg"):
        search_path.check([])
    (tmp_path / "asyncpg-1.dist-info").mkdir()
    search_path.check([])
    with pytest.raises(DoubtError, match="asyncpg"):
        search_path.check([str(tmp_path)])
    (tmp_path / "typing.py").touch()
    with pytest.raises(DoubtError, match="typing"):
        search_path.check([])


@pytest.mark.parametrize("separator", ["path_separator = os\n", ""])
def test_a_folder_is_looked_at_where_some_version_of_alembic_prepends_it(
    separator: str, tmp_path: Path
) -> None:
    ini = f"[alembic]\nscript_location = db\n{separator}prepend_sys_path = one:two three\n"
    write(tmp_path, {**GENERIC, "alembic.ini": ini + LOGGING, "one/app.py": "", "two/app.py": ""})
    assert proven(tmp_path, "postgresql://h/d") is not None
    for folder in ("one", "two", "three", "two three"):
        write(tmp_path, {f"{folder}/typing.py": ""})
        assert (proven(tmp_path, "postgresql://h/d") is None) == (
            folder != "two three" or bool(separator)
        )
        (tmp_path / folder / "typing.py").unlink()


def test_the_working_directory_is_looked_at_where_it_is_on_the_search_path(tmp_path: Path) -> None:
    (tmp_path / "typing.py").touch()
    with within(tmp_path):
        sys.path.insert(0, "")
        with pytest.raises(DoubtError):
            search_path.check([])


def test_what_is_on_the_search_path_and_is_no_folder_is_doubted(tmp_path: Path) -> None:
    archive = tmp_path / "archive.zip"
    archive.touch()
    with pytest.raises(OSError, match="archive"):
        search_path.check([str(archive)])
    search_path.check([str(tmp_path / "nowhere")])


def test_a_python_whose_library_is_elsewhere_is_doubted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != str(Path(os.__file__).parent)])
    with pytest.raises(DoubtError):
        search_path.check([])
