"""`migrator restore`: a backup becomes a database again, and nothing is lost on the way."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import psycopg2
import pyrage
import pytest

from migrator.database.lock.lock import keys_for
from migrator.database.scratch.scratch import RESTORE
from migrator.database.version_table import VersionTable
from tests.support import backups
from tests.support.backups import files, settings
from tests.support.buckets import Bucket, Faulty
from tests.support.command import eventually, run, start
from tests.support.servers import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.command import Ended
    from tests.support.servers import Server

ROWS = "CREATE TABLE kept (id int PRIMARY KEY, text text); INSERT INTO kept VALUES (1, 'dear')"


@pytest.fixture
def original(server: Server, database: Database) -> Iterator[Database]:
    """Give a database with a row in it, and drop whatever was made of it."""
    database.rows(ROWS)
    yield database
    for name in made_of(database, server):
        Database(server.url).rows(f'DROP DATABASE "{name}" WITH (FORCE)')
    with suppress(psycopg2.errors.DuplicateDatabase):
        Database(server.url).rows(f"CREATE DATABASE {database.name}")


def made_of(database: Database, server: Server) -> list[str]:
    """Give the databases that were made of one, half-made ones included."""
    query = "SELECT datname FROM pg_database WHERE datname LIKE ANY (%s) AND datname <> %s"
    return [
        row[0]
        for row in Database(server.url).rows(
            query, [f"{database.name}%", f"{RESTORE}%"], database.name
        )
    ]


def restored(ended: Ended) -> Any:  # noqa: ANN401 - JSON
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout)


def refused(ended: Ended, code: int, kind: str) -> str:
    """Give the message of a restore that ended with this code."""
    assert ended.exit_code == code, ended.output
    error = json.loads(ended.stdout)["error"]
    assert error["kind"] == kind
    return f"{error['message']} {error['hint']}"


def test_the_newest_is_restored_into_a_database_of_its_own(
    original: Database, server: Server, tmp_path: Path
) -> None:
    place = settings(tmp_path)
    run("run", url=original.url, MIGRATOR_TARGET="r1", **place)
    run("run", url=original.url, **place)
    original.rows("DROP TABLE kept")
    answer = restored(run("restore", "--json", url=original.url, **place))

    [name] = made_of(original, server)
    copy = server.database(name)
    assert answer["database"] == name
    assert name.startswith(f"{original.name}_20")
    assert answer["kept"] is None
    assert answer["current"] == copy.revisions() == ["r1"]
    assert answer["backup"] == f"file://{files(tmp_path)[-2]}"
    assert copy.rows("SELECT text FROM kept") == [("dear",)]
    assert answer["tables"] == len(copy.tables() | copy.tables("migrator"))
    assert "kept" not in original.tables()
    assert original.revisions() == ["r3"]


def backed_up(original: Database, directory: Path, **more: str) -> dict[str, str]:
    """Take a backup of a database at r1; gives the variables that lead to it."""
    place = settings(directory, **more)
    run("run", url=original.url, MIGRATOR_TARGET="r1")
    ended = run("backup", url=original.url, **place)
    assert ended.exit_code == 0, ended.output
    return {name: value for name, value in place.items() if "ENCRYPT" not in name}


def untouched(original: Database, server: Server) -> None:
    """See that it is as it was, and that nothing was left beside it."""
    assert original.rows("SELECT text FROM kept") == [("dear",)]
    assert made_of(original, server) == []
    assert original.advisory_locks() == 0


def test_a_backup_is_named_by_its_name_its_last_part_or_its_address(
    original: Database, server: Server, tmp_path: Path
) -> None:
    place = backed_up(original, tmp_path)
    [dump] = [file for file in files(tmp_path) if file.suffix != ".json"]
    original.rows("UPDATE kept SET text = 'later'")
    run("backup", url=original.url, **place)
    for number, name in enumerate((f"{original.name}/{dump.stem}", dump.stem, f"file://{dump}")):
        into = f"{original.name}_as_{number}"
        answer = restored(run("restore", name, "--into", into, "--json", url=original.url, **place))
        assert answer["database"] == into
        assert server.database(into).rows("SELECT text FROM kept") == [("dear",)]


def test_what_cannot_be_meant_is_refused_with_64(
    original: Database, server: Server, tmp_path: Path
) -> None:
    place = backed_up(original, tmp_path)

    def told(*line: str) -> str:
        ended = run("restore", "--json", *line, url=original.url, **place)
        return refused(ended, 64, "usage")

    assert "There is no backup called nonsense" in told("nonsense")
    assert "There is a database postgres already" in told("--into", "postgres")
    assert f"--over {original.name} replaces it" in told("--into", original.name)
    assert f"the database is called {original.name}" in told("--over", "other", "--yes")
    assert "exclude each other" in told("--over", original.name, "--into", "x", "--yes")
    untouched(original, server)


def test_nothing_is_replaced_without_a_yes_where_nobody_can_be_asked(
    original: Database, server: Server, tmp_path: Path
) -> None:
    place = backed_up(original, tmp_path)
    ended = run("restore", "--over", original.name, url=original.url, **place)

    assert ended.exit_code == 64
    assert "--yes" in ended.stderr
    untouched(original, server)


def test_its_address_alone_is_enough(original: Database, server: Server, tmp_path: Path) -> None:
    del backed_up(original, tmp_path)["MIGRATOR_BACKUP_TO"]
    address = f"file://{files(tmp_path)[0]}"
    ended = run("restore", "--json", address, url=original.url, PATH=backups.path())

    assert made_of(original, server) == [restored(ended)["database"]]


def test_a_run_that_fails_after_its_backup_says_how_that_is_restored(
    database: Database, tmp_path: Path
) -> None:
    place, tree = settings(tmp_path), "fails_second_per_revision"
    failed = run("run", tree=tree, url=database.url, **place).report
    command = f"migrator restore {failed['backup']} --over {database.name}"
    assert failed["database_state"] == "partially_migrated"
    assert failed["error"]["hint"].endswith(f" by: {command}")
    assert f"Hint: {failed['error']['hint']}" in failed["message"]
    answer = restored(run(*command.split()[1:], "--yes", "--json", url=database.url, **place))
    try:
        assert database.revisions() == answer["current"] == []
    finally:
        database.rows(f"DROP DATABASE {answer['kept']}")

    undone = run("run", "--on-failure", "rollback", tree=tree, url=database.url, **place).report
    assert "migrator restore" not in str(undone["error"]["hint"])


def test_without_any_backup_of_it_the_answer_is_78(
    original: Database, server: Server, tmp_path: Path
) -> None:
    with server.fresh() as other:
        place = backed_up(other, tmp_path)
    ended = run("restore", "--json", url=original.url, **place)

    assert "no complete backup of" in refused(ended, 78, "configuration")
    untouched(original, server)


def test_over_the_original_which_is_kept_with_all_that_came_since(
    original: Database, server: Server, tmp_path: Path
) -> None:
    place = backed_up(original, tmp_path)
    run("run", url=original.url)
    original.rows("UPDATE kept SET text = 'spoilt'")
    line = ("restore", "--json", "--over", original.name, "--yes")
    ended = run(*line, url=original.url, **place)
    answer = restored(ended)

    assert answer["database"] == original.name
    assert made_of(original, server) == [answer["kept"]]
    assert answer["kept"].startswith(f"{original.name}_before_20")
    old = server.database(answer["kept"])
    assert old.rows("SELECT text FROM kept") == [("spoilt",)]
    assert old.revisions() == ["r3"]
    assert original.rows("SELECT text FROM kept") == [("dear",)]
    assert original.revisions() == ["r1"]
    entry = original.rows(
        "SELECT command, outcome, revisions_from, revisions_to, backup FROM migrator.run"
        " ORDER BY started_at DESC LIMIT 1"
    )
    assert entry == [("restore", "migrated", ["r3"], ["r1"], answer["backup"])]
    assert run("run", url=original.url).exit_code == 0


def test_what_belongs_to_the_database_and_is_in_no_dump_is_carried_over(
    original: Database, server: Server, tmp_path: Path
) -> None:
    place, name = backed_up(original, tmp_path), original.name
    original.rows(f"""
        CREATE ROLE restore_owner; CREATE ROLE restore_guest;
        ALTER DATABASE {name} OWNER TO restore_owner;
        ALTER DATABASE {name} SET search_path = "$user", public, "Odd, one";
        ALTER DATABASE {name} SET shop.colour = 'deep blue';
        ALTER ROLE restore_guest IN DATABASE {name} SET statement_timeout = '7s';
        REVOKE CONNECT ON DATABASE {name} FROM PUBLIC;
        GRANT CONNECT, TEMPORARY ON DATABASE {name} TO restore_guest WITH GRANT OPTION;
        ALTER DATABASE {name} CONNECTION LIMIT 17;
        COMMENT ON DATABASE {name} IS 'the shop''s'
    """)
    belongs = """
        SELECT datdba::regrole, datconnlimit, shobj_description(oid, 'pg_database'),
         (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) AS a),
         (SELECT array_agg(setrole || setconfig::text ORDER BY setrole) FROM pg_db_role_setting
          WHERE setdatabase = d.oid)
        FROM pg_database d WHERE datname = %s
    """
    before = original.rows(belongs, name)
    try:
        line = ("restore", "--json", "--over", name, "--yes")
        answer = restored(run(*line, url=original.url, **place))
        assert original.rows(belongs, name) == before
        assert answer["warnings"] == []
    finally:
        for each in (name, *made_of(original, server)):
            server.database(each).rows(
                f"ALTER DATABASE {each} OWNER TO postgres;"
                f"REVOKE ALL ON DATABASE {each} FROM restore_guest;"
                f"ALTER ROLE restore_guest IN DATABASE {each} RESET ALL"
            )
        original.rows("DROP ROLE restore_owner; DROP ROLE restore_guest")


def test_a_database_in_use_is_not_replaced_and_it_is_said_by_whom(
    original: Database, server: Server, tmp_path: Path
) -> None:
    place = backed_up(original, tmp_path)
    line = ("restore", "--json", "--over", original.name, "--yes")
    with closing(psycopg2.connect(original.url, application_name="the shop")) as app:
        ended = run(*line, url=original.url, **place)
        told = refused(ended, 75, "busy")
        assert f"the shop (pid {app.info.backend_pid}" in told
        assert "Nothing was restored" in told
        app.cursor().execute("SELECT 1")
    untouched(original, server)


def test_those_who_are_connected_are_ended_where_that_is_asked_for(
    original: Database, server: Server, tmp_path: Path
) -> None:
    place = backed_up(original, tmp_path)
    line = ("restore", "--json", "--over", original.name, "--yes", "--end-sessions")
    with closing(psycopg2.connect(original.url)) as app:
        answer = restored(run(*line, url=original.url, **place))
        with pytest.raises(psycopg2.OperationalError):
            app.cursor().execute("SELECT 1")
    assert made_of(original, server) == [answer["kept"]]


def test_who_comes_while_it_is_restored_keeps_the_original_and_the_restored_one_is_named(
    original: Database, server: Server, tmp_path: Path
) -> None:
    slow, place = tmp_path / "bin", backed_up(original, tmp_path)
    line = ("restore", "--json", "--over", original.name, "--yes")
    running = start(*line, url=original.url, **{**place, "PATH": slowly(slow)})
    eventually(lambda: made_of(original, server) != [])
    with closing(psycopg2.connect(original.url, application_name="the shop")):
        ended = running.end()
    told = refused(ended, 75, "busy")

    [name] = made_of(original, server)
    assert name.startswith(f"{original.name}_20")
    assert f"kept as {name}" in told
    assert server.database(name).rows("SELECT text FROM kept") == [("dear",)]
    assert original.rows("SELECT text FROM kept") == [("dear",)]


def slowly(directory: Path) -> str:
    """Give a PATH with a pg_restore that takes its time."""
    directory.mkdir()
    script = (
        f'#!/bin/sh\n[ "$1" = --version ] || sleep 3\nexec {backups.PROGRAMS}/pg_restore "$@"\n'
    )
    (directory / "pg_restore").write_text(script)
    (directory / "pg_restore").chmod(0o755)
    (directory / "pg_dump").symlink_to(backups.PROGRAMS / "pg_dump")
    return backups.path(directory)


@pytest.mark.parametrize("schema", [None, "public"])
def test_it_waits_for_the_lock_of_a_run(
    schema: str | None, original: Database, server: Server, tmp_path: Path
) -> None:
    place = backed_up(original, tmp_path)
    line = ("restore", "--json", "--over", original.name, "--yes", "--lock-wait", "1s")
    with closing(psycopg2.connect(original.url)) as other:
        key = keys_for([VersionTable(schema, "alembic_version")])
        other.cursor().execute("SELECT pg_advisory_xact_lock(%s)", key)
        ended = run(*line, url=original.url, **place)

    assert "Another run holds the lock" in refused(ended, 75, "busy")
    untouched(original, server)


@pytest.mark.parametrize("change", ["truncate --size=-1", "dd bs=1 seek=200 conv=notrunc of="])
def test_a_dump_that_was_changed_ends_with_74(
    change: str, original: Database, server: Server, tmp_path: Path
) -> None:
    place = backed_up(original, tmp_path)
    spoil(change, files(tmp_path)[0])
    line = ("restore", "--json", "--over", original.name, "--yes", files(tmp_path)[0].stem)
    ended = run(*line, url=original.url, **place)

    told = refused(ended, 74, "storage")
    assert ("is not what was stored" in told) or ("is not of the size" in told)
    untouched(original, server)


def spoil(change: str, file: Path) -> None:
    line = f"echo x | {change}{'' if change.endswith('=') else ' '}{file}"
    subprocess.run(["/bin/sh", "-c", line], check=True, capture_output=True)


def test_from_a_bucket_it_is_streamed(original: Database, server: Server, store: Bucket) -> None:
    place = {"MIGRATOR_BACKUP_TO": store.url, "PATH": backups.path(), **store.env}
    backups.fill(original, 100_000)
    run("run", url=original.url, **place)
    answer = restored(run("restore", "--json", url=original.url, **place))

    assert answer["backup"].startswith(store.url)
    copy = server.database(answer["database"])
    assert copy.rows("SELECT count(*), max(id) FROM large") == [(100_000, 100_000)]


def test_what_a_bucket_gives_back_and_is_not_what_was_stored_ends_with_74(
    original: Database, server: Server, store: Bucket, endpoint: str
) -> None:
    place = {"MIGRATOR_BACKUP_TO": store.url, "PATH": backups.path(), **store.env}
    backups.fill(original, 100_000)
    assert run("backup", url=original.url, **place).exit_code == 0
    network = Faulty(endpoint, alters=True)
    line = ("restore", "--json", "--over", original.name, "--yes")
    try:
        ended = run(*line, url=original.url, **{**place, "AWS_ENDPOINT_URL": network.endpoint})
    finally:
        network.close()

    assert "is not what was stored" in refused(ended, 74, "storage")
    untouched(original, server)


def key(file: Path) -> str:
    """Write a private key, as age-keygen does; gives the public one."""
    made = pyrage.x25519.Identity.generate()
    file.write_text(f"# created: today\n# public key: {made.to_public()}\n{made}\n")
    return str(made.to_public())


def test_an_encrypted_one_needs_the_key_that_fits(
    original: Database, server: Server, tmp_path: Path
) -> None:
    ours, wrong, none = (tmp_path / name for name in ("ours.txt", "wrong.txt", "none.txt"))
    kept = tmp_path / "kept"
    kept.mkdir()
    key(wrong)
    none.write_text("# nothing\n")
    place = backed_up(original, kept, MIGRATOR_BACKUP_ENCRYPT_TO=key(ours))
    line = ("restore", "--json")

    told = refused(run(*line, url=original.url, **place), 78, "configuration")
    assert "--identity FILE" in told
    for file, said in ((wrong, "not encrypted to the key"), (none, "no private key in")):
        ended = run(*line, "--identity", str(file), url=original.url, **place)
        assert said in refused(ended, 78, "configuration")
    untouched(original, server)
    answer = restored(run(*line, "--identity", str(ours), url=original.url, **place))
    assert server.database(answer["database"]).rows("SELECT text FROM kept") == [("dear",)]

    spoil("dd bs=1 seek=400 conv=notrunc of=", files(kept)[0])
    ended = run(*line, "--identity", str(ours), url=original.url, **place)
    assert "is not what was stored" in refused(ended, 74, "storage")


def test_a_role_that_is_not_there_ends_with_73_unless_owners_are_left_out(
    original: Database, server: Server, tmp_path: Path
) -> None:
    original.rows("CREATE ROLE restore_gone; ALTER TABLE kept OWNER TO restore_gone")
    place = backed_up(original, tmp_path)
    original.rows("ALTER TABLE kept OWNER TO postgres; DROP ROLE restore_gone")
    told = refused(run("restore", "--json", url=original.url, **place), 73, "backup")

    assert 'role "restore_gone" does not exist' in told
    assert "--no-owner" in told
    untouched(original, server)
    answer = restored(run("restore", "--json", "--no-owner", url=original.url, **place))
    assert server.database(answer["database"]).rows("SELECT text FROM kept") == [("dear",)]


@pytest.mark.parametrize("over", [False, True])
def test_a_database_that_is_gone_comes_back_under_its_name(
    *, over: bool, original: Database, server: Server, tmp_path: Path
) -> None:
    place = backed_up(original, tmp_path)
    Database(server.url).rows(f"DROP DATABASE {original.name}")
    line = ("--over", original.name, "--yes") if over else ("--into", original.name)
    ended = run("restore", "--json", *line, url=original.url, **place)

    if over:
        assert "--into" in refused(ended, 64, "usage")
    else:
        assert restored(ended)["kept"] is None
        assert original.rows("SELECT text FROM kept") == [("dear",)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_takes_the_half_made_database_away(
    number: signal.Signals, original: Database, server: Server, tmp_path: Path
) -> None:
    place = backed_up(original, tmp_path)
    line = ("restore", "--over", original.name, "--yes")
    path = slowly(tmp_path / "bin")
    running = start(*line, url=original.url, **{**place, "PATH": path})
    eventually(lambda: backups.child_of(running, "pg_restore") is not None)
    running.kill(number)
    ended = running.end()

    assert ended.exit_code == 128 + number
    untouched(original, server)


def test_a_pg_restore_that_is_killed_ends_with_73(
    original: Database, server: Server, tmp_path: Path
) -> None:
    backups.fill(original, 400_000)
    place = backed_up(original, tmp_path)
    running = start("restore", "--json", url=original.url, **place)
    eventually(lambda: backups.child_of(running, "pg_restore") is not None)
    child = backups.child_of(running, "pg_restore")
    assert child is not None
    os.kill(child, signal.SIGKILL)
    told = refused(running.end(), 73, "backup")

    assert "pg_restore was ended by signal 9" in told
    untouched(original, server)


def test_what_a_killed_restore_has_left_is_dropped_by_the_next_one(
    original: Database, server: Server, tmp_path: Path
) -> None:
    place = backed_up(original, tmp_path)
    path = slowly(tmp_path / "bin")
    running = start("restore", url=original.url, **{**place, "PATH": path})
    eventually(lambda: backups.child_of(running, "pg_restore") is not None)
    running.kill(signal.SIGKILL)
    running.end()
    [left] = made_of(original, server)
    idle = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
    eventually(lambda: original.rows(idle, left) == [(0,)])
    answer = restored(run("restore", "--json", url=original.url, **place))

    assert left.startswith(RESTORE)
    assert made_of(original, server) == [answer["database"]]


def changed(directory: Path, **fields: object) -> None:
    """Change what the one manifest says."""
    [file] = [each for each in files(directory) if each.suffix == ".json"]
    file.write_text(json.dumps({**json.loads(file.read_text()), **fields}))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"format": 2}, (76, "disagreement", "is of format 2, and this migrator knows 1")),
        ({"server_version": "99.1"}, (78, "configuration", "an older server cannot take it")),
        ({"pg_dump_version": "99.1"}, (73, "pg_dump", "made by pg_dump 99.1, and pg_restore ")),
        ({"rows": {"public.kept": 2}}, (76, "unproven", "public.kept has 1 rows, and not 2")),
        ({"tables": {"public.lost": {}}}, (76, "unproven", "the table public.lost is missing")),
        ({"sha256": "0" * 64}, (74, "storage", "is not what was stored")),
        ({"size_bytes": 1}, (74, "storage", "is not of the size")),
        (
            {"version_tables": [{"schema": None, "name": "alembic_version", "revisions": ["r2"]}]},
            (76, "unproven", "alembic_version is at r1, and not at r2"),
        ),
    ],
)
def test_what_the_manifest_says_must_be_so(
    fields: dict[str, Any],
    expected: tuple[int, str, str],
    original: Database,
    server: Server,
    tmp_path: Path,
) -> None:
    place, (code, kind, told) = backed_up(original, tmp_path), expected
    changed(tmp_path, **fields)
    name, over = files(tmp_path)[0].stem, ("--over", original.name, "--yes")
    ended = run("restore", name, *over, "--json", url=original.url, **place)

    assert told in refused(ended, code, kind)
    untouched(original, server)


def test_of_another_server_the_newest_is_taken_where_this_one_has_none(
    original: Database, server: Server, tmp_path: Path
) -> None:
    place = backed_up(original, tmp_path)
    changed(tmp_path, system_identifier="17")
    answer = restored(run("restore", "--json", url=original.url, **place))

    assert made_of(original, server) == [answer["database"]]


def test_for_a_person_it_is_a_sentence_and_the_log_is_elsewhere(
    original: Database, tmp_path: Path
) -> None:
    place = backed_up(original, tmp_path)
    ended = run("restore", "--over", original.name, "--yes", url=original.url, **place)

    first, second = ended.stdout.splitlines()
    assert first.startswith(f"Restored {original.name} from file://{files(tmp_path)[0]}, of 20")
    assert "at r1, " in first
    assert second.startswith(f"The database that was there is kept as {original.name}_before_20")
    assert "Restoring file://" in ended.stderr
