"""The copy that a plan is made on: the target is left as it was, and no copy is left behind."""

from __future__ import annotations

import json
import secrets
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from migrator.database.scratch.scratch import PLAN, beginning
from migrator.errors import ConfigurationError, DeniedError
from migrator.plan import plan
from tests.plan.releases import ENV, in_production, project, revise
from tests.plan.test_rehearsal import ORDERS, foreseen
from tests.support import backups
from tests.support.backups import EMBEDDED as PROGRAMS
from tests.support.backups import path
from tests.support.command import eventually, run, start
from tests.support.servers import as_role, own_server, pgbouncer, pgbouncer_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.servers import Database, Server

_CATALOGUE = """
SELECT md5(string_agg(told, ',' ORDER BY told)) FROM (
  SELECT row(c.xmin, c.oid, c.relname, c.relfilenode, c.relkind)::text FROM pg_class c
  UNION ALL SELECT row(a.xmin, a.attrelid, a.attname, a.attnum)::text FROM pg_attribute a
  UNION ALL SELECT row(n.xmin, n.nspname)::text FROM pg_namespace n
  UNION ALL SELECT row(p.xmin, p.proname)::text FROM pg_proc p
) AS each(told)
"""
_STRONG = """
SELECT l.mode FROM pg_locks l JOIN pg_database d ON d.oid = l.database
WHERE d.datname = current_database() AND l.locktype = 'relation' AND l.mode <> 'AccessShareLock'
"""
_SLEEPS = """
SELECT pid FROM pg_stat_activity
WHERE query = 'SELECT pg_sleep(600)' AND state = 'active' AND starts_with(datname, %s)
"""
EMBEDDED = plan.PlanRequest(on="embedded")
CHANGE = "op.add_column('orders', sa.Column('vat', sa.Integer))"


def copies(database: Database) -> list[str]:
    """Give the copies of this database that are there."""
    query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
    return [name for (name,) in database.rows(query, beginning(database.name, PLAN))]


@pytest.fixture
def release(tmp_path: Path, database: Database) -> Path:
    """Give a project with one revision pending, on a database with rows."""
    folder = project(tmp_path / "p")
    in_production(folder, database, *ORDERS)
    revise(folder, CHANGE)
    return folder


@pytest.fixture
def role(database: Database) -> Iterator[str]:
    """Give a role that may read everything and create no database."""
    name = f"reader_{secrets.token_hex(4)}"
    database.rows(f"CREATE ROLE {name} LOGIN PASSWORD 'reads'")
    database.rows(f"GRANT pg_read_all_data TO {name}")
    yield name
    database.rows(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_the_targets_catalogue_and_log_are_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", path(PROGRAMS))  # the server of its own is an embedded one
    with own_server() as server, server.fresh() as database:  # nobody else writes there
        folder = project(tmp_path / "p")
        in_production(folder, database, *ORDERS)
        revise(folder, CHANGE)
        _see_that_nothing_is_written(folder, database)


def _see_that_nothing_is_written(release: Path, database: Database) -> None:
    foreseen(release, database, EMBEDDED)  # what reads first sets hint bits, which are logged too
    before, grown = database.rows(_CATALOGUE), []
    for _ in range(4):  # the server itself writes a record of its own every fifteen seconds
        log = database.rows("SELECT pg_current_wal_insert_lsn()")
        found = foreseen(release, database, EMBEDDED)
        assert [lock.table for lock in found.trace.locks] == ["public.orders"]
        grown.append(database.rows("SELECT pg_current_wal_insert_lsn()") != log)
    assert database.rows(_CATALOGUE) == before
    assert not all(grown)


def test_at_head_not_even_the_ledger_is_written(tmp_path: Path, database: Database) -> None:
    in_production(project(tmp_path / "p"), database, *ORDERS)
    database.rows("DELETE FROM migrator.cache")
    assert foreseen(tmp_path / "p", database).pending == ()
    assert database.rows("SELECT FROM migrator.cache") == []


def test_no_copy_is_made_of_a_database_that_a_run_found_at_head(
    tmp_path: Path, database: Database
) -> None:
    in_production(folder := project(tmp_path / "p"), database, *ORDERS)
    for _ in range(2):  # the first may have had something to do
        assert run("run", tree=folder, url=database.url).exit_code == 0
    answer = json.loads(run("plan", "--json", tree=folder, url=database.url).stdout)
    assert (answer["verdict"], answer["rehearsal"]) == ("safe", None)


def test_nothing_stronger_is_locked_in_the_target_than_by_a_reader(
    release: Path, database: Database
) -> None:
    seen: set[str] = set()
    over = threading.Event()

    def look() -> None:
        with database.connect() as connection, connection.cursor() as cursor:
            while not over.is_set():
                cursor.execute(_STRONG)
                seen.update(mode for (mode,) in cursor.fetchall())
                time.sleep(0.002)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        foreseen(release, database, plan.PlanRequest(with_data=True))
    finally:
        over.set()
        looking.join()
    assert seen == set()


def test_with_data_the_rows_are_there(tmp_path: Path, database: Database) -> None:
    folder = project(tmp_path / "p")
    in_production(folder, database, *ORDERS)
    revise(folder, "op.execute('UPDATE orders SET paid = false')")
    assert foreseen(folder, database).trace.statements[0].rows == 0
    found = foreseen(folder, database, plan.PlanRequest(with_data=True))
    assert found.trace.statements[0].rows == 1000
    assert database.rows("SELECT count(*) FROM orders WHERE paid") == [(1000,)]


def test_without_the_right_to_create_databases_it_says_where_else(
    release: Path, database: Database, role: str
) -> None:
    own = as_role(database, role, "reads")
    with pytest.raises(DeniedError, match="may not create a database") as refused:
        foreseen(release, type(database)(own))
    assert "--on embedded" in (refused.value.hint or "")
    found = foreseen(release, type(database)(own), EMBEDDED)
    assert [statement.revision for statement in found.trace.statements] == ["r2"]


def test_an_env_py_that_reaches_the_target_is_stopped_before_it_does_anything(
    tmp_path: Path, database: Database
) -> None:
    folder = project(tmp_path / "p")
    in_production(folder, database, *ORDERS)
    revise(folder, CHANGE)
    fixed = ENV.replace(
        "engine = engine_from_config(\n    config.get_section(config.config_ini_section, {}),"
        " poolclass=pool.NullPool\n)",
        "from sqlalchemy import create_engine, text\n"
        f"engine = create_engine({database.url.replace('postgresql:', 'postgresql+psycopg2:')!r})\n"
        "with engine.begin() as early:\n    early.execute(text('CREATE TABLE mistake ()'))",
    )
    assert fixed != ENV
    (folder / "env.py").write_text(fixed.lstrip())
    with pytest.raises(ConfigurationError, match="connects to the target itself"):
        foreseen(folder, database)
    assert "mistake" not in database.tables()
    assert copies(database) == []


def test_what_a_killed_plan_left_is_dropped_when_it_is_a_day_old(
    release: Path, database: Database
) -> None:
    foreseen(release, database)  # learns how the names begin
    prefix = beginning(database.name, PLAN)
    old = f"{prefix}_{int(time.time()) - 90_000:08x}abcd"
    young = f"{prefix}_{int(time.time()) - 3_600:08x}abcd"
    for name in (old, young):
        database.rows(f"CREATE DATABASE {name}")
    try:
        foreseen(release, database)
        assert copies(database) == [young]
    finally:
        for name in (old, young):
            database.rows(f"DROP DATABASE IF EXISTS {name}")


@pytest.mark.slow
def test_extensions_that_the_other_server_lacks_are_named(
    release: Path, database: Database
) -> None:
    lacking = database.rows(
        "SELECT name FROM pg_available_extensions WHERE name NOT IN"
        " (SELECT extname FROM pg_extension) ORDER BY name LIMIT 1"
    )
    if not lacking:
        pytest.skip("the server has no extension to install")
    name = lacking[0][0]
    database.rows(f'CREATE EXTENSION "{name}"')
    database.rows("UPDATE pg_extension SET extname = 'imaginary' WHERE extname = %s", name)
    with pytest.raises(ConfigurationError, match="lacks: imaginary"):
        foreseen(release, database, EMBEDDED)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_statement_and_no_copy_is_left(
    tmp_path: Path, database: Database, number: signal.Signals
) -> None:
    folder = project(tmp_path / "p")
    in_production(folder, database, *ORDERS)
    revise(folder, "op.execute('SELECT pg_sleep(600)')")
    process = start("plan", tree=folder, url=database.url, PATH=path())
    eventually(lambda: bool(database.rows(_SLEEPS, beginning(database.name, PLAN))))
    process.kill(number)
    ended = process.end()
    assert ended.exit_code == 128 + number, ended.output
    assert database.rows(_SLEEPS, beginning(database.name, PLAN)) == []
    assert copies(database) == []


def test_the_deadline_ends_it_too(tmp_path: Path, database: Database) -> None:
    folder = project(tmp_path / "p")
    in_production(folder, database, *ORDERS)
    revise(folder, "op.execute('SELECT pg_sleep(600)')")
    ended = run("plan", "--deadline", "5s", tree=folder, url=database.url, PATH=path())
    assert ended.exit_code == 124, ended.output
    assert copies(database) == []


def test_a_pooler_is_refused_with_what_to_do(
    release: Path, server: Server, database: Database, tmp_path: Path
) -> None:
    program = pgbouncer_program()
    if program is None:
        pytest.skip("pgbouncer is not installed")
    with pgbouncer(program, server, tmp_path, "transaction") as port:
        url = f"postgresql://postgres@127.0.0.1:{port}/{database.name}"
        ended = run("plan", tree=release, url=url, PATH=path())
    assert ended.exit_code == 78
    assert "DATABASE_UNPOOLED_URL" in ended.stderr


def test_a_pg_dump_that_fails_is_told_in_its_own_words_and_not_as_a_backup(
    release: Path, database: Database, tmp_path: Path
) -> None:
    (odd := tmp_path / "bin").mkdir()
    fails = '[ "$1" = --version ] || { echo "pg_dump: error: no such luck" >&2; exit 1; }'
    (odd / "pg_dump").write_text(f'#!/bin/sh\n{fails}\nexec {backups.PROGRAMS}/pg_dump "$@"\n')
    (odd / "pg_dump").chmod(0o755)
    (odd / "pg_restore").symlink_to(backups.PROGRAMS / "pg_restore")
    ended = run("plan", tree=release, url=database.url, PATH=path(odd))
    assert ended.exit_code == 78, ended.output
    assert "The copy could not be made: pg_dump ended with 1.\n" in ended.stderr
    assert "no such luck" in ended.stderr
    assert "there is no backup" not in ended.stderr
    assert copies(database) == []


def test_a_database_at_an_unknown_revision_is_no_plan(release: Path, database: Database) -> None:
    database.rows("UPDATE alembic_version SET version_num = 'gone'")
    ended = run("plan", tree=release, url=database.url, PATH=path())
    assert ended.exit_code == 76
    assert "gone" in ended.stderr
    assert copies(database) == []


def test_an_empty_database_is_planned_from_its_first_revision(
    release: Path, server: Server
) -> None:
    with server.fresh() as empty:
        ended = run("plan", "--json", tree=release, url=empty.url, PATH=path())
        assert ended.exit_code == 0, ended.output
        assert [one["revision"] for one in json.loads(ended.stdout)["revisions"]] == ["r1", "r2"]
        assert empty.tables() == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    "tree", ["async_env", "own_version_table", "autocommit_env", "schemas_loop"]
)
def test_any_project_is_rehearsed_as_it_is(tree: str, server: Server) -> None:
    with server.fresh() as empty:
        ended = run("plan", "--json", tree=tree, url=empty.url, PATH=path())
        told = json.loads(ended.stdout)
        assert (ended.exit_code, told["failed"]) == (0, None), ended.output
        assert told["statements"]
        assert empty.tables() == set()


@pytest.mark.slow
def test_from_base_an_env_py_that_reaches_a_real_database_is_stopped(
    release: Path, database: Database
) -> None:
    url = database.url.replace("postgresql:", "postgresql+psycopg2:")
    file = release / "env.py"
    text = file.read_text()
    end = text.index("with engine")
    early = "with engine.begin() as c:\n    c.exec_driver_sql('CREATE TABLE mistake ()')\n"
    made = f"from sqlalchemy import create_engine\nengine = create_engine({url!r})\n{early}"
    file.write_text(text[:end] + made + text[end:])
    ended = run("plan", "--from-base", tree=release)
    assert ended.exit_code == 78, ended.output
    assert "another database" in ended.stderr
    assert "mistake" not in database.tables()
