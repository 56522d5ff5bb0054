"""The pytest plugin: its options and fixtures.

It is loaded wherever migrator is installed beside pytest, so what is heavy is imported by the
fixtures that need it, and by nothing else.
"""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from sqlalchemy.engine import Engine

    from migrator.database.scratch.template import Template
    from migrator.testing.databases import MigratedDatabase
    from migrator.testing.project import Project

INI = {
    "migrator_server": "the Postgres for tests: a URL, or $NAME of a variable that has one"
    "  [default: an embedded one]",
    "migrator_directory": "where you would run alembic  [default: pytest's rootdir]",
    "migrator_config": "the Alembic project's file, seen from there  [default: alembic.ini]",
    "migrator_max_risk": "the most that a revision may be: safe, caution, danger"
    "  [default: caution]",
    "migrator_since": "judge what is new since this reference of git  [default: all]",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option and the settings in the ini file."""
    group = parser.getgroup("migrator", "migrated databases (migrator)")
    group.addoption("--migrator-server", metavar="URL", help="the Postgres for tests")
    for name, told in INI.items():
        parser.addini(name, told, default="")


@pytest.fixture(scope="session")
def migrator_server(pytestconfig: pytest.Config) -> Iterator[str]:
    """Give the URL of a Postgres on which databases may be made; override it to bring your own."""
    if url := _named(pytestconfig):
        yield url
        return
    from migrator.database.scratch.embedded import embedded  # noqa: PLC0415 - starts a server

    with _readable(), embedded(os.environ.get("PYTEST_XDIST_TESTRUNUID")) as url:
        yield url


@pytest.fixture(scope="session")
def migrator_project(
    pytestconfig: pytest.Config, migrator_server: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """Give the Alembic project, with the server for its databases."""
    from migrator.testing.project import project  # noqa: PLC0415 - loads the driver

    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    base = tmp_path_factory.getbasetemp()
    settings = {name: str(pytestconfig.getini(name)) for name in INI}
    folder = pytestconfig.rootpath / settings["migrator_directory"]
    with (
        _readable(),
        project(
            migrator_server,
            run or secrets.token_hex(16),
            settings,
            (folder, base.parent if run else base),
        ) as found,
    ):
        yield found


@pytest.fixture(scope="session")
def migrator_template(migrator_project: Project) -> Iterator[Template]:
    """Give the template: a database at head, made once for all tests and all processes."""
    with _readable(), migrator_project.template() as made:
        yield made


@pytest.fixture
def migrated_database(migrator_template: Template) -> Iterator[MigratedDatabase]:
    """Give a database at head of this test's own: `url`, `url_for(driver)`, `name`."""
    from migrator.testing.databases import migrated  # noqa: PLC0415 - as above

    with _readable(), migrated(migrator_template) as made:
        yield made


@pytest.fixture
def migrated_url(migrated_database: MigratedDatabase) -> str:
    """Give the URL of a database at head of this test's own, without a driver in it."""
    return migrated_database.url


@pytest.fixture
def migrated_engine(migrated_database: MigratedDatabase) -> Iterator[Engine]:
    """Give an engine of SQLAlchemy, by psycopg2, for a database at head of this test's own."""
    from migrator.testing.databases import engine  # noqa: PLC0415 - loads SQLAlchemy

    with engine(migrated_database) as made:
        yield made


@pytest.fixture(scope="session")
def migrator_examination(migrator_project: Project) -> Mapping[str, Any]:
    """Give the answer of `migrator check --json`, asked once for all tests."""
    with _readable():
        return migrator_project.examination()


@pytest.fixture(scope="session")
def migrator_hazards(
    migrator_project: Project, request: pytest.FixtureRequest
) -> Callable[[], Mapping[str, Any]]:
    """Give what asks for the hazards, in the same form."""

    def asked() -> Mapping[str, Any]:
        with _readable():
            if migrator_project.since:
                found: Mapping[str, Any] = request.getfixturevalue("migrator_examination")
                return found
            return migrator_project.hazards()

    return asked


def _named(config: pytest.Config) -> str | None:
    """Give the server that the command line or the ini file names."""
    said = config.getoption("--migrator-server") or str(config.getini("migrator_server"))
    return os.environ.get(said[1:]) if said.startswith("$") else said or None


@contextmanager
def _readable() -> Iterator[None]:
    """Let our errors end a test with their sentence, and no traceback of ours."""
    from migrator.errors import MigratorError  # noqa: PLC0415 - as above

    try:
        yield
    except MigratorError as error:
        told = f"migrator: {error.message}" + (f"\nHint: {error.hint}" if error.hint else "")
        pytest.fail(told, pytrace=False)
