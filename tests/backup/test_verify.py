"""MIGRATOR_BACKUP_VERIFY=restore: the backup is restored into a scratch database and compared."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from migrator.database.schema import shape
from migrator.database.schema_diff import differences
from migrator.database.scratch.scratch import PROOF
from tests.support import backups
from tests.support.backups import files, manifest, settings
from tests.support.command import eventually, run, start
from tests.support.servers import Database, own_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.servers import OwnServer, Server

RICH = """
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN short AS text CHECK (length(VALUE) < 9);
CREATE TABLE people (id serial PRIMARY KEY, mood mood, nick short DEFAULT 'none', "odd ""name" int);
CREATE TABLE notes (id int GENERATED ALWAYS AS IDENTITY, person int REFERENCES people, body text);
CREATE INDEX notes_body ON notes (lower(body)) WHERE body IS NOT NULL;
CREATE VIEW happy AS SELECT * FROM people WHERE mood = 'good';
CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2';
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touched BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TABLE parts (x int) PARTITION BY LIST (x);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1);
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON notes USING (person = 1);
INSERT INTO people (mood) SELECT 'good' FROM generate_series(1, 1000);
INSERT INTO notes (person, body) SELECT i, md5(i::text) FROM generate_series(1, 1000) AS i;
INSERT INTO parts VALUES (1);
"""


@pytest.fixture(scope="module")
def own() -> Iterator[OwnServer]:
    with own_server() as made:
        yield made


def embedded_programs(directory: Path) -> dict[str, str]:
    """Give the variables of a run against a server of the test's own, which is the embedded 18."""
    programs = backups.path(backups.EMBEDDED)
    return settings(directory, MIGRATOR_BACKUP_VERIFY="restore", PATH=programs)


def scratches(database: Database) -> list[str]:
    """Give the scratch databases that are there."""
    query = "SELECT datname FROM pg_database WHERE datname LIKE %s"
    return [row[0] for row in database.rows(query, PROOF + "%")]


def test_restores_it_beside_the_target_and_drops_that_again(
    database: Database, tmp_path: Path
) -> None:
    database.rows(RICH)
    ended = run("run", url=database.url, **settings(tmp_path, MIGRATOR_BACKUP_VERIFY="restore"))

    assert ended.exit_code == 0, ended.output
    told = manifest(tmp_path)
    assert told["proof"] == "restore"
    assert told["rows"] == {"public.people": 1000, "public.notes": 1000, "public.part_1": 1}
    assert ended.named("backup.finished")[0]["proof"] == "restore"
    assert scratches(database) == []


def test_rows_that_come_after_the_snapshot_are_neither_dumped_nor_a_mistake(
    database: Database, tmp_path: Path
) -> None:
    kept, slow = tmp_path / "kept", tmp_path / "bin"
    kept.mkdir()
    slow.mkdir()
    (slow / "pg_restore").symlink_to(backups.PROGRAMS / "pg_restore")
    late = '[ "$1" = --version ] || sleep 2'
    (slow / "pg_dump").write_text(f'#!/bin/sh\n{late}\nexec {backups.PROGRAMS}/pg_dump "$@"\n')
    (slow / "pg_dump").chmod(0o755)
    backups.fill(database, 1000)
    verify = settings(kept, MIGRATOR_BACKUP_VERIFY="restore", PATH=backups.path(slow))
    running = start("run", url=database.url, **verify)
    running.until("backup.started")
    database.rows("INSERT INTO large VALUES (0, 'late')")
    ended = running.end()

    assert ended.exit_code == 0, ended.output
    assert manifest(kept)["rows"]["public.large"] == 1000


def test_a_restore_that_fails_ends_with_73_and_leaves_nothing(
    database: Database, tmp_path: Path
) -> None:
    database.rows(
        "CREATE FUNCTION fine(text) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true';"
        "CREATE TABLE strict (x text CHECK (fine(x)));"
        "INSERT INTO strict VALUES ('a');"
        "CREATE OR REPLACE FUNCTION fine(text) RETURNS bool LANGUAGE sql IMMUTABLE"
        " AS 'SELECT false'"
    )
    ended = run("run", url=database.url, **settings(tmp_path, MIGRATOR_BACKUP_VERIFY="restore"))

    assert ended.exit_code == 73
    assert ended.report["error"]["kind"] == "backup"
    assert "pg_restore ended with 1" in ended.report["error"]["message"]
    assert "violates check constraint" in ended.report["error"]["message"]
    assert database.tables() == {"strict"}
    assert files(tmp_path) == []
    assert scratches(database) == []


def test_a_signal_during_the_restore_leaves_no_scratch_database(
    database: Database, tmp_path: Path
) -> None:
    backups.fill(database, 600_000)
    verify = settings(tmp_path, MIGRATOR_BACKUP_VERIFY="restore")
    running = start("run", url=database.url, **verify)
    eventually(lambda: scratches(database) != [])
    eventually(lambda: backups.child_of(running, "pg_restore") is not None)
    running.kill(signal.SIGTERM)
    ended = running.end()

    assert ended.exit_code == 143
    assert database.tables() == {"large"}
    assert files(tmp_path) == []
    eventually(lambda: scratches(database) == [])


def test_what_a_killed_run_has_left_is_dropped_by_the_next_one(
    database: Database, server: Server, tmp_path: Path
) -> None:
    backups.fill(database, 600_000)
    verify = settings(tmp_path, MIGRATOR_BACKUP_VERIFY="restore")
    running = start("run", url=database.url, **verify)
    eventually(lambda: scratches(database) != [])
    os.kill(running.pid, signal.SIGKILL)
    running.end()
    left = scratches(database)
    idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = ANY (%s)"
    eventually(lambda: database.rows(idle, left) == [(0,)])
    with server.fresh() as other:
        foreign = f"{PROOF}of_somebody"
        other.rows(f"CREATE DATABASE {foreign}")
        try:
            ended = run("run", url=database.url, **verify)
            assert scratches(database) == [foreign]
        finally:
            other.rows(f"DROP DATABASE {foreign}")

    assert left
    assert ended.exit_code == 0


def test_a_role_that_may_make_no_database_restores_into_an_embedded_one(
    own: OwnServer, tmp_path: Path
) -> None:
    with own.fresh() as database:
        database.rows("CREATE ROLE modest LOGIN PASSWORD 'modest-word'")
        database.rows(f"ALTER DATABASE {database.name} OWNER TO modest")
        url = database.url.replace("postgres:owner@", "modest:modest-word@")
        database.rows("ALTER SCHEMA public OWNER TO modest")
        ended = run("run", url=url, **embedded_programs(tmp_path))

        assert ended.exit_code == 0, ended.output
        assert manifest(tmp_path)["proof"] == "restore"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("ALTER TABLE notes DROP COLUMN body CASCADE", "column public.notes.body is missing"),
        ("DROP INDEX notes_body", "index public.notes_body is missing"),
        ("ALTER TABLE people ALTER nick SET DEFAULT 'x'", "column public.people.nick differs"),
        ("DROP POLICY own ON notes", "policy public.notes.own is missing"),
        ("DROP TRIGGER touched ON people", "trigger public.people.touched is missing"),
        ("CREATE TABLE more (x int)", "column public.more.x is too much"),
        ("ALTER TYPE mood ADD VALUE 'fair'", "type public.mood differs"),
        (
            "CREATE OR REPLACE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1'",
            "function public.twice(integer) differs",
        ),
    ],
)
def test_each_difference_of_the_shape_is_named(change: str, told: str, database: Database) -> None:
    database.rows(RICH)
    connection = database.connect()
    connection.autocommit = False
    before = shape(connection)
    connection.rollback()
    database.rows(change)
    after = shape(connection)
    connection.close()

    assert told in differences(before, after, names_only=False)
    assert differences(before, before, names_only=False) == []


def test_the_scratch_database_has_the_encoding_and_the_locale_of_the_target(
    own: OwnServer, tmp_path: Path
) -> None:
    name = "odd_locale"
    Database(own.url).rows(
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    database = own.database(name)
    database.rows("CREATE TABLE strasse AS SELECT 'straße' AS name")
    ended = run("run", url=database.url, **embedded_programs(tmp_path))

    assert ended.exit_code == 0, ended.output
