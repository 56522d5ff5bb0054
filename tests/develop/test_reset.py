"""`migrator reset`: a local database is dropped and at head again; nothing is lost by mistake."""

from __future__ import annotations

import shutil
import sys
from contextlib import closing, suppress
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import psycopg2
import pytest

from migrator.database.lock.lock import keys_for
from migrator.database.scratch.scratch import RESET
from migrator.database.version_table import VersionTable
from tests.support import backups
from tests.support.command import TREES, run
from tests.support.servers import Database, own_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.command import Ended
    from tests.support.servers import Server

KEEPS_A_SESSION = """
import sys
from sqlalchemy import create_engine
sys.kept_by_a_pool = create_engine(config.get_main_option("sqlalchemy.url")).connect()
"""
ROWS = "CREATE TABLE kept (id int PRIMARY KEY, text text); INSERT INTO kept VALUES (1, 'dear')"


@pytest.fixture
def old(server: Server, database: Database) -> Iterator[Database]:
    """Give a database at r1 with a table of its own, which may be replaced."""
    assert run("run", "--target", "r1", url=database.url).exit_code == 0
    database.rows(ROWS)
    yield database
    for name in beside(database, server):
        Database(server.url).rows(f'DROP DATABASE "{name}" WITH (FORCE)')
    with suppress(psycopg2.errors.DuplicateDatabase):
        Database(server.url).rows(f"CREATE DATABASE {database.name}")


def beside(database: Database, server: Server) -> list[str]:
    """Give the databases that were made beside one, or of it."""
    query = "SELECT datname FROM pg_database WHERE datname LIKE ANY (%s) AND datname <> %s"
    names = [f"{database.name}%", f"{RESET}%"]
    return [row[0] for row in Database(server.url).rows(query, names, database.name)]


def reset(old: Database, *line: str, tree: str = "plain", **env: str) -> Ended:
    """Reset it; on a server that is not here by its name."""
    host = psycopg2.extensions.parse_dsn(old.url).get("host", "")
    named = () if host.startswith("/") else ("--not-local", host)
    line = ("reset", "--database", old.name, *named, *line)
    return run(*line, tree=tree, url=old.url, **{"PATH": backups.path(), **env})


def refused(ended: Ended, code: int, words: str) -> None:
    assert ended.exit_code == ended.report["exit_code"] == code, ended.output
    assert words in ended.report["message"]
    assert ended.report["database_state"] == "unchanged"
    assert ended.report["applied"] == []


def untouched(old: Database, server: Server) -> None:
    """See that the old one is as it was, and that nothing was left beside it."""
    assert old.rows("SELECT text FROM kept") == [("dear",)]
    assert old.revisions() == ["r1"]
    assert beside(old, server) == []
    assert old.advisory_locks() == 0


def test_it_is_at_head_again_and_what_was_in_it_is_in_a_proven_backup(
    old: Database, server: Server, tmp_path: Path
) -> None:
    ended = reset(old, "--yes", XDG_STATE_HOME=str(tmp_path))

    assert ended.exit_code == 0, ended.output
    assert old.revisions() == ["r3"]
    assert "kept" not in old.tables()
    assert beside(old, server) == []
    report = ended.report
    assert (report["outcome"], report["from"], report["to"]) == ("migrated", [], ["r3"])
    assert report["database_state"] == "migrated"
    assert [each["revision"] for each in report["applied"]] == ["r1", "r2", "r3"]
    assert f"{old.name} is made anew. What was in it is in {report['backup']}." in report["message"]

    place = tmp_path / "migrator" / "backups"
    told = backups.manifest(place)
    assert (told["revisions_from"], told["proof"]) == (["r1"], "list")
    assert report["backup"] == f"file://{quote(str(place / told['file']))}"
    assert place.stat().st_mode & 0o077 == 0
    with backups.restored(place / told["file"], server) as copy:
        assert copy.rows("SELECT text FROM kept") == [("dear",)]


def test_without_a_backup_it_is_gone(old: Database, server: Server, tmp_path: Path) -> None:
    place = backups.settings(tmp_path)
    ended = reset(old, "--yes", "--no-backup", **place)
    assert ended.exit_code == 0, ended.output
    assert old.revisions() == ["r3"]
    assert ended.report["backup"] is None
    assert backups.files(tmp_path) == []
    assert beside(old, server) == []


def test_a_backup_that_cannot_be_made_keeps_everything(
    old: Database, server: Server, tmp_path: Path
) -> None:
    (tmp_path / "pg_dump").write_text(
        f'#!/bin/sh\n[ "$1" = --version ] || exit 1\nexec {backups.PROGRAMS}/pg_dump "$@"\n'
    )
    (tmp_path / "pg_dump").chmod(0o755)
    (tmp_path / "pg_restore").symlink_to(backups.PROGRAMS / "pg_restore")
    place = backups.settings(tmp_path / "to", PATH=backups.path(tmp_path))
    refused(reset(old, "--yes", **place), 78, "there is no directory")
    (tmp_path / "to").mkdir()
    refused(reset(old, "--yes", **place), 73, "pg_dump")
    untouched(old, server)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (("--database", "other", "--yes"), "the database is called"),
        ((), "asks before it begins, and there is no terminal"),
    ],
)
def test_what_is_not_meant_for_sure_is_refused_with_64(
    line: tuple[str, ...], words: str, old: Database, server: Server
) -> None:
    refused(reset(old, *line), 64, words)
    untouched(old, server)


def test_its_name_must_be_said(old: Database, server: Server) -> None:
    ended = run("reset", "--yes", url=old.url)
    assert ended.exit_code == 64
    assert "--database" in ended.stderr
    untouched(old, server)


def test_a_database_of_another_machine_and_a_role_that_may_make_none_are_refused() -> None:
    with own_server() as running, running.fresh() as database:
        database.rows(ROWS)
        line = ("reset", "--database", database.name, "--yes", "--no-backup")
        far = database.url.replace("127.0.0.1", "far.example.com")
        refused(run(*line, url=far), 64, "far.example.com is another machine")
        named = run(*line, "--not-local", "far.example.com", "--connect-timeout", "1s", url=far)
        refused(named, 69, "far.example.com")
        assert database.rows("SELECT text FROM kept") == [("dear",)]
        near = database.url.replace("127.0.0.1", "localhost")
        assert run(*line, url=near).exit_code == 0
        assert database.revisions() == ["r3"]
        database.rows("CREATE ROLE plain LOGIN PASSWORD 'plain'")
        plain = urlsplit(database.url)
        url = plain._replace(netloc=f"plain:plain@127.0.0.1:{running.port}").geturl()
        refused(run(*line, url=url), 77, "CREATEDB")


def test_the_servers_own_database_is_not_reset(server: Server) -> None:
    own = Database(server.url)
    refused(reset(own, "--yes", "--no-backup"), 64, f"{own.name} is the server's own database")


def test_in_production_it_is_off_whatever_is_said(old: Database, server: Server) -> None:
    refused(reset(old, "--yes", APP_ENV="production"), 64, "off in production")
    untouched(old, server)


@pytest.mark.parametrize(
    ("tree", "code", "words"),
    [
        ("fails_second_per_revision", 65, "r2"),
        ("two_heads", 66, "head"),
        ("connects_elsewhere", 78, "env.py connects elsewhere"),
    ],
)
def test_what_cannot_be_brought_to_head_leaves_the_old_one(
    tree: str, code: int, words: str, old: Database, server: Server
) -> None:
    elsewhere = {"OTHER_DATABASE_URL": old.url.replace("postgresql://", "postgresql+psycopg2://")}
    refused(reset(old, "--yes", "--no-backup", tree=tree, **elsewhere), code, words)
    untouched(old, server)


@pytest.mark.slow
def test_a_seed_runs_in_the_new_one_and_its_failure_leaves_the_old_one(
    old: Database, server: Server, tmp_path: Path
) -> None:
    script = tmp_path / "seed.py"
    script.write_text(
        "import os, psycopg2, sys\n"
        "url = os.environ['DATABASE_URL'].replace('+psycopg2', '')\n"
        "assert os.environ['MIGRATOR_DATABASE_URL'] in (url, os.environ['DATABASE_URL'])\n"
        "with psycopg2.connect(url) as c: c.cursor().execute('CREATE TABLE seeded ()')\n"
        "sys.exit(len(sys.argv) - 1)\n"
    )
    seed = f"{sys.executable} {script}"
    line = ("--yes", "--no-backup")
    refused(reset(old, *line, MIGRATOR_AFTER=f"{seed} fail"), 65, "MIGRATOR_AFTER ended with 1")
    untouched(old, server)
    pooled = tmp_path / "pooled"
    shutil.copytree(TREES / "plain", pooled)
    with (pooled / "env.py").open("a") as env_py:
        env_py.write(KEEPS_A_SESSION)
    assert reset(old, *line, tree=str(pooled), MIGRATOR_AFTER=seed).exit_code == 0
    assert "seeded" in old.tables()
    assert old.revisions() == ["r3"]


@pytest.mark.slow
def test_others_in_it_are_named_and_ended_only_where_that_is_said(
    old: Database, server: Server
) -> None:
    line = ("--yes", "--no-backup")
    with closing(psycopg2.connect(old.url, application_name="the app")) as app:
        ended = reset(old, *line)
        refused(ended, 75, "the app")
        assert "revision.applied" not in ended.events
        untouched(old, server)
        assert reset(old, *line, "--end-sessions").exit_code == 0
        with pytest.raises(psycopg2.OperationalError):
            app.cursor().execute("SELECT 1")
    assert old.revisions() == ["r3"]


@pytest.mark.slow
def test_a_run_that_goes_on_is_waited_for(old: Database, server: Server) -> None:
    with closing(psycopg2.connect(old.url)) as other:
        keys = keys_for([VersionTable(None, "alembic_version")])
        other.cursor().execute("SELECT pg_advisory_xact_lock(%s)", keys)
        line = ("--yes", "--no-backup", "--end-sessions", "--lock-wait", "1s")
        refused(reset(old, *line), 75, "Another run holds the lock")
    untouched(old, server)


@pytest.mark.slow
def test_what_the_database_is_like_is_kept(old: Database, server: Server) -> None:
    old.rows(f"ALTER DATABASE {old.name} SET search_path = 'app', 'public'")
    old.rows(f"COMMENT ON DATABASE {old.name} IS 'mine'")
    old.rows(f"GRANT CREATE ON DATABASE {old.name} TO pg_monitor")
    there = "SELECT name FROM pg_available_extensions WHERE name IN ('vector', 'pg_trgm')"
    extension = old.rows(there)[0][0]
    old.rows(f"CREATE SCHEMA elsewhere; CREATE EXTENSION {extension} SCHEMA elsewhere")
    old.rows("UPDATE alembic_version SET version_num = 'of_another_branch'")
    query = (
        "SELECT pg_encoding_to_char(encoding), datcollate, datdba,"
        " ARRAY(SELECT unnest(datacl)::text ORDER BY 1),"
        " shobj_description(d.oid, 'pg_database'), setconfig, current_setting('search_path')"
        " FROM pg_database d LEFT JOIN pg_db_role_setting s ON setdatabase = d.oid"
        " WHERE datname = current_database()"
    )
    before = old.rows(query)
    ended = reset(old, "--yes", "--no-backup")
    assert ended.exit_code == 0, ended.output
    assert old.rows(query) == before
    assert old.rows(
        "SELECT nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = extnamespace"
        " WHERE extname = %s",
        extension,
    ) == [("elsewhere",)]
    assert old.revisions() == ["r3"]
    assert beside(old, server) == []


def test_a_version_table_that_is_none_is_backed_up_and_gone(old: Database, tmp_path: Path) -> None:
    old.rows("ALTER TABLE alembic_version RENAME version_num TO version")
    ended = reset(old, "--yes", **backups.settings(tmp_path))
    assert ended.exit_code == 0, ended.output
    assert old.revisions() == ["r3"]
    assert backups.manifest(tmp_path)["revisions_from"] == []


def test_one_that_is_not_there_is_made(old: Database, server: Server) -> None:
    Database(server.url).rows(f"DROP DATABASE {old.name}")
    ended = reset(old, "--yes")
    assert ended.exit_code == 0, ended.output
    assert ended.report["backup"] is None
    assert "now there is" in ended.report["message"]
    assert old.revisions() == ["r3"]
