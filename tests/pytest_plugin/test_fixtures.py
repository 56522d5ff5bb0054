"""The fixtures of the plugin: a migrated database for each test, made of one template."""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest

from migrator.database.scratch import template
from migrator.database.scratch.scratch import beginning
from tests.plan.releases import revise
from tests.pytest_plugin.projects import pytest_in, sound
from tests.support.servers import Database, free_port

if TYPE_CHECKING:
    from tests.support.servers import Server

SUITE = """
import asyncio
import asyncpg, psycopg2, pytest, sqlalchemy as sa

@pytest.mark.parametrize("number", range(6))
def test_each_has_its_own(migrated_engine, number):
    with migrated_engine.begin() as connection:
        look = lambda query: connection.execute(sa.text(query)).scalar()
        assert look("SELECT count(*) FROM accounts") == 0
        assert look("SELECT version_num FROM alembic_version") == "r1"
        connection.execute(sa.text("INSERT INTO accounts (email) VALUES ('kept')"))

def test_the_url_is_libpqs_and_asyncpgs(migrated_database, migrated_url):
    assert migrated_url == migrated_database.url
    assert migrated_url.startswith("postgresql://")
    assert migrated_database.url_for("asyncpg").startswith("postgresql+asyncpg://")
    left_open = psycopg2.connect(migrated_url)
    assert left_open.info.dbname == migrated_database.name

    async def look():
        connection = await asyncpg.connect(migrated_url)
        try:
            return await connection.fetchval("SELECT count(*) FROM accounts")
        finally:
            await connection.close()

    assert asyncio.run(look()) == 0
"""
UNUSED = "def test_nothing():\n    pass\n"
LOADED = """
import json, pathlib, sys

def pytest_unconfigure():
    pathlib.Path("loaded.json").write_text(json.dumps(sorted(sys.modules)))
"""


def left(server: Server, session: str) -> list[str]:
    """Give the databases of a session that are there; other sessions have theirs."""
    query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
    found = [row[0] for row in Database(server.url).rows(query, template.PREFIX)]
    names = [beginning(session, f"{template.PREFIX}{more}") for more in ("", "template_")]
    return [one for one in found if one.startswith(tuple(names))]


def test_each_test_has_a_database_of_its_own_and_nothing_is_left(
    server: Server, tmp_path: Path
) -> None:
    folder = sound(tmp_path / "shop")
    (folder / "test_shop.py").write_text(SUITE)
    elsewhere = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    meant_for_a_release = {
        "DATABASE_URL": elsewhere,
        "MIGRATOR_DATABASE_URL": elsewhere,
        "PGDATABASE": "nothing",
        "MIGRATOR_BACKUP_TO": "s3://nowhere/at/all",
        "MIGRATOR_AFTER": "false",
        "AUTO_MIGRATE": "false",
    }
    mine, old = f"{template.PREFIX}mine_14630", f"{template.PREFIX}00000000_{12 * '0'}"
    for name in (mine, old):
        Database(server.url).rows(f"CREATE DATABASE {name}")
    try:
        session = {"PYTEST_XDIST_TESTRUNUID": secrets.token_hex(16)}
        env = meant_for_a_release | session
        code, told, counts = pytest_in(folder, "-q", server=server.url, **env)
        assert (code, counts) == (0, {"passed": 7}), told
        there = server.database(mine).rows("SELECT datname FROM pg_database")
        assert (mine,) in there
        assert (old,) not in there
    finally:
        Database(server.url).rows(f"DROP DATABASE {mine}")
        Database(server.url).rows(f"DROP DATABASE IF EXISTS {old}")
    assert left(server, *session.values()) == []
    assert len({*(folder / "visits").read_text().split()}) == 1


@pytest.mark.slow
def test_the_processes_of_one_session_share_a_template_and_an_embedded_server(
    tmp_path: Path,
) -> None:
    folder = sound(tmp_path / "shop")
    (folder / "test_shop.py").write_text(SUITE)
    (folder / "conftest.py").write_text(
        "import pathlib, pytest, time\n"
        "@pytest.fixture(scope='session', autouse=True)\n"
        "def together(migrator_server, migrator_template, worker_id):\n"
        "    with pathlib.Path('servers').open('a') as file:\n"
        "        print(worker_id, migrator_server, file=file)\n"
        "    for _ in range(600):\n"
        "        if len(pathlib.Path('servers').read_text().splitlines()) == 2:\n"
        "            return\n"
        "        time.sleep(0.1)\n"
    )
    code, told, counts = pytest_in(folder, "-q", "-n2")
    assert (code, counts) == (0, {"passed": 7}), told
    seen = set((folder / "servers").read_text().splitlines())
    assert len({line.split()[0] for line in seen}) == 2
    assert len({line.split()[1] for line in seen}) == 1
    assert len({*(folder / "visits").read_text().split()}) == 1
    home = next(iter(seen)).rpartition("host=")[2]
    assert not Path(home).exists()


@pytest.mark.slow
def test_a_revision_that_fails_is_told_without_a_traceback_and_leaves_nothing(
    server: Server, tmp_path: Path
) -> None:
    folder = sound(tmp_path / "shop")
    revise(folder, "op.execute('SELECT 1 / 0')")
    (folder / "test_shop.py").write_text("def test_it(migrated_url):\n    pass\n")
    session = {"PYTEST_XDIST_TESTRUNUID": secrets.token_hex(16)}
    code, told, counts = pytest_in(folder, server=server.url, **session)
    assert (code, counts) == (1, {"error": 1}), told
    assert "migrator: Revision r2 failed" in told
    assert "division by zero" in told
    assert "migrator/" not in told
    assert "Traceback" not in told
    assert left(server, *session.values()) == []


@pytest.mark.slow
def test_a_server_of_ones_own_choice_is_named_by_a_variable(server: Server, tmp_path: Path) -> None:
    folder = sound(tmp_path / "all" / "backend")
    (tmp_path / "all" / "pytest.ini").write_text(
        "[pytest]\nmigrator_server = $SHOP_TESTS\nmigrator_directory = backend\n"
    )
    suite = "def test_it(migrated_url):\n    print(migrated_url)\n"
    (tmp_path / "all" / "test_shop.py").write_text(suite)
    (folder / "pytest.ini").unlink()
    url = server.url.replace("postgresql://", "postgresql+asyncpg://")
    code, told, counts = pytest_in(tmp_path / "all", "-s", SHOP_TESTS=url)
    assert (code, counts) == (0, {"passed": 1}), told
    assert urlsplit(server.url).query in unquote(told)

    denied = Database(server.url)
    denied.rows("CREATE ROLE tester LOGIN PASSWORD 'tester'")
    try:
        poor = urlsplit(server.url)
        place = poor.netloc.rpartition("@")[2]
        poor_url = poor._replace(netloc=f"tester:tester@{place}").geturl()
        code, told, _ = pytest_in(tmp_path / "all", SHOP_TESTS=poor_url)
        assert code == 1
        assert "migrator: The role may not create databases" in told
        assert "CREATEDB" in told
    finally:
        denied.rows("DROP ROLE tester")


def test_nothing_heavy_is_loaded_where_nothing_of_ours_is_used(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(UNUSED)
    (tmp_path / "conftest.py").write_text(LOADED)
    line = ("-q", "-p", "migrator.testing.plugin")
    for more in (("--co",), ()):
        code, told, _ = pytest_in(tmp_path, *line, *more, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
        assert code == 0, told
        loaded = set(json.loads((tmp_path / "loaded.json").read_text()))
        assert "migrator.testing.plugin" in loaded
        heavy = {
            "alembic",
            "sqlalchemy",
            "psycopg2",
            "structlog",
            "tenacity",
            "click",
            "subprocess",
        }
        assert not loaded & heavy - {"subprocess"}
        ours = {name for name in loaded if name.startswith("migrator")}
        assert ours == {
            "migrator",
            "migrator.errors",
            "migrator.testing",
            "migrator.testing.plugin",
            "migrator.testing.standard",
            "migrator.version",
        }


@pytest.mark.slow
def test_it_is_left_out_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("def test_it(migrated_url):\n    pass\n")
    code, told, _ = pytest_in(tmp_path, "-p", "no:migrator")
    assert code == 1
    assert "fixture 'migrated_url' not found" in told
