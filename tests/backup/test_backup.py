"""A backup: taken under the lock, proven, and only then is anything migrated."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pyrage
import pytest

from tests.support import backups
from tests.support.backups import files, listed, manifest, restored, settings
from tests.support.command import run, start
from tests.support.servers import as_role, pgbouncer, pgbouncer_program

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.buckets import Bucket
    from tests.support.servers import Database, Server


def test_takes_a_backup_after_the_lock_and_before_the_first_revision(
    database: Database, server: Server, tmp_path: Path
) -> None:
    ended = run("run", url=database.url, tree="ten_revisions", MIGRATOR_TARGET="+3")
    assert ended.exit_code == 0
    before = database.revisions()
    ended = run("run", url=database.url, tree="ten_revisions", **settings(tmp_path))

    assert ended.exit_code == 0
    order = ["lock.acquired", "plan.made", "backup.started", "backup.finished"]
    assert [e for e in ended.events if e in {*order, "revision.started"}][:5] == [
        *order,
        "revision.started",
    ]
    dump, written = files(tmp_path)
    assert ended.report["backup"] == f"file://{dump}"
    assert written == dump.with_suffix(".json")
    with restored(dump, server) as copy:
        assert copy.revisions() == before
        assert copy.tables() == {"alembic_version", "t01", "t02", "t03"}


def test_takes_none_where_nothing_is_pending(database: Database, tmp_path: Path) -> None:
    run("run", url=database.url)
    ended = run("run", url=database.url, **settings(tmp_path))

    assert ended.exit_code == 0
    assert ended.report["backup"] is None
    assert files(tmp_path) == []


def test_the_manifest_says_what_the_backup_is(database: Database, tmp_path: Path) -> None:
    run("run", url=database.url, MIGRATOR_TARGET="r1")
    database.rows("ANALYZE")
    ended = run("run", url=database.url, **settings(tmp_path, RAILWAY_DEPLOYMENT_ID="d-17"))

    dump, _ = files(tmp_path)
    told = manifest(tmp_path)
    assert ended.exit_code == 0
    assert told["kind"] == "migrator.backup"
    assert told["format"] == 1
    assert told["file"] == str(dump.relative_to(tmp_path))
    assert told["database"] == database.name
    assert told["revisions_from"] == ["r1"]
    assert told["revisions_to"] == ["r3"]
    table = {"schema": "public", "name": "alembic_version", "revisions": ["r1"]}
    assert told["version_tables"] == [table]
    assert told["size_bytes"] == dump.stat().st_size
    assert told["sha256"] == hashlib.sha256(dump.read_bytes()).hexdigest()
    assert told["deployment"] == "d-17"
    assert told["tables"]["public.alembic_version"]["rows_estimate"] == 1
    assert {"public.accounts", "public.alembic_version"} <= set(told["tables"])
    assert told["encryption"] is None
    assert told["proof"] == "list"
    assert told["pg_dump_version"].partition(".")[0] == told["server_version"].partition(".")[0]


def test_no_password_is_in_a_command_line_or_in_what_is_left(
    database: Database, tmp_path: Path
) -> None:
    database.rows("CREATE ROLE backup_reader LOGIN SUPERUSER PASSWORD 'hidden-word'")
    spy, seen = tmp_path / "bin", tmp_path / "seen"
    spy.mkdir()
    for name in ("pg_dump", "pg_restore"):
        (spy / name).write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$@" >>{seen}\nenv | cut -d= -f1 >>{seen}.env\n'
            f'exec {backups.PROGRAMS}/{name} "$@"\n'
        )
        (spy / name).chmod(0o755)
    kept = tmp_path / "kept"
    kept.mkdir()
    url = as_role(database, "backup_reader", "hidden-word")
    try:
        ended = run("run", url=url, **settings(kept, PATH=backups.path(spy), MY_CRYPTIC="no"))
    finally:
        database.rows("DROP OWNED BY backup_reader; DROP ROLE backup_reader")

    assert ended.exit_code == 0
    assert "--format=custom" in seen.read_text()
    assert "hidden-word" not in seen.read_text()
    assert "PGPASSWORD" in (tmp_path / "seen.env").read_text()
    assert "MY_CRYPTIC" not in (tmp_path / "seen.env").read_text()
    assert "hidden-word" not in ended.output
    assert all(b"hidden-word" not in each.read_bytes() for each in files(kept))


def test_streams_to_a_bucket_in_parts_within_150_mb_of_memory(
    database: Database, server: Server, store: Bucket, tmp_path: Path
) -> None:
    backups.fill(database)
    running = start(
        "run", url=database.url, MIGRATOR_BACKUP_TO=store.url, PATH=backups.path(), **store.env
    )
    peaks = _peaks_of(running.pid)
    ended = running.end()

    assert ended.exit_code == 0
    stem = ended.report["backup"].removeprefix(f"s3://{store.name}/").removesuffix(".dump")
    assert store.keys() == [f"{stem}.dump", f"{stem}.json"]
    assert store.unfinished() == []
    dump = tmp_path / "dump"
    dump.write_bytes(store.read(f"{stem}.dump"))
    assert dump.stat().st_size > 3 << 23
    told = json.loads(store.read(f"{stem}.json"))
    assert told["sha256"] == hashlib.sha256(dump.read_bytes()).hexdigest()
    assert 0 < max(peaks) < 150 << 20
    with restored(dump, server) as copy:
        count = "SELECT count(*), sum(hashtext(text)) FROM large"
        assert copy.rows(count) == database.rows(count)


def test_keeps_the_newest_of_this_database_and_nothing_else_is_removed(
    database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / database.name
    folder.mkdir()
    foreign = folder / "20200101T000000Z-base-000000.dump"
    foreign.write_text("somebody's")
    half = settings(tmp_path, MIGRATOR_BACKUP_KEEP="2")
    for target in ("+1", "+1"):
        run("run", url=database.url, tree="ten_revisions", MIGRATOR_TARGET=target, **half)
    first = files(folder)[1]
    other = json.loads(first.with_suffix(".json").read_text())
    other |= {"system_identifier": "1", "name": f"{database.name}/20200101T000001Z-base-000000"}
    another = folder / "20200101T000001Z-base-000000.json"
    another.write_text(json.dumps(other))
    ended = run("run", url=database.url, tree="ten_revisions", MIGRATOR_TARGET="+1", **half)

    assert ended.exit_code == 0
    assert not first.exists()
    left = {each.name for each in files(folder)}
    assert foreign.name in left
    assert another.name in left
    assert len(left) == 2 + 2 * 2


def test_encrypts_to_the_recipients_and_stores_nothing_in_clear(
    database: Database, tmp_path: Path
) -> None:
    database.rows("CREATE TABLE notes AS SELECT 'a-word-in-clear' AS text")
    mine, colleagues = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    to = f"{mine.to_public()},{colleagues.to_public()}"
    ended = run("run", url=database.url, **settings(tmp_path, MIGRATOR_BACKUP_ENCRYPT_TO=to))

    assert ended.exit_code == 0
    stored, _ = files(tmp_path)
    assert stored.name.endswith(".dump.age")
    assert manifest(tmp_path)["encryption"] == "age"
    assert manifest(tmp_path)["sha256"] == hashlib.sha256(stored.read_bytes()).hexdigest()
    clear = tmp_path / "clear.dump"
    for identity in (mine, colleagues):
        clear.write_bytes(pyrage.decrypt(stored.read_bytes(), [identity]))
        assert "TABLE DATA public notes" in listed(clear)


def test_a_recipient_that_is_none_is_refused_with_78(database: Database, tmp_path: Path) -> None:
    ended = run("run", url=database.url, **settings(tmp_path, MIGRATOR_BACKUP_ENCRYPT_TO="age1x"))

    assert ended.exit_code == 78
    assert "'age1x' is no recipient" in ended.report["error"]["message"]
    assert database.tables() == set()


@pytest.mark.parametrize(
    ("library", "extra", "told"),
    [
        ("obstore", "cloud", {"MIGRATOR_BACKUP_TO": "s3://bucket/prefix"}),
        ("pyrage", "encrypt", {"MIGRATOR_BACKUP_ENCRYPT_TO": "age1x"}),
    ],
)
def test_an_extra_that_is_not_installed_is_named_before_the_lock(
    library: str, extra: str, told: dict[str, str], database: Database, tmp_path: Path
) -> None:
    (tmp_path / f"{library}.py").write_text("raise ImportError")
    missing = settings(tmp_path, PYTHONPATH=str(tmp_path)) | told
    ended = run("run", url=database.url, **missing)

    assert ended.exit_code == 78
    assert f"{library} is not installed" in ended.report["error"]["message"]
    assert f"extra `{extra}`" in ended.report["error"]["hint"]
    assert "lock.acquired" not in ended.events


def test_a_pg_dump_older_than_the_server_is_refused_before_the_lock(
    database: Database, tmp_path: Path
) -> None:
    [(version,)] = database.rows("SHOW server_version_num")
    if int(version) < 160_000 or not backups.OLD.exists():
        pytest.skip("needs a server newer than 15, and PostgreSQL's programs of 15")
    old = {"MIGRATOR_BACKUP_TO": backups.to(tmp_path), "PATH": str(backups.OLD)}
    ended = run("run", url=database.url, **old)

    assert ended.exit_code == 73
    assert ended.report["error"]["kind"] == "pg_dump"
    assert "pg_dump 15" in ended.report["error"]["message"]
    assert f"postgresql-client-{int(version) // 10_000}" in ended.report["error"]["hint"]
    assert "lock.acquired" not in ended.events
    assert database.tables() == set()
    assert files(tmp_path) == []


def test_through_a_pooler_it_asks_for_the_direct_address(
    database: Database, server: Server, tmp_path: Path
) -> None:
    program = pgbouncer_program()
    if program is None:
        pytest.skip("pgbouncer is not installed")
    with pgbouncer(program, server, tmp_path, "transaction") as port:
        url = f"postgresql://postgres@127.0.0.1:{port}/{database.name}"
        ended = run("run", url=url, **settings(tmp_path))

    assert ended.exit_code == 78
    assert "through a pooler" in ended.report["error"]["message"]
    assert "DATABASE_UNPOOLED_URL" in ended.report["error"]["hint"]
    assert database.tables() == set()


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"RAILWAY_SERVICE_ID": "s"}, "is on no volume of this Railway service"),
        ({"RAILWAY_SERVICE_ID": "s", "RAILWAY_VOLUME_MOUNT_PATH": "{}"}, "is on no volume"),
    ],
)
def test_a_directory_that_is_thrown_away_is_refused(
    variables: dict[str, str], words: str, database: Database, tmp_path: Path
) -> None:
    told = {name: value.format(tmp_path) for name, value in variables.items()}
    place = {"MIGRATOR_BACKUP_TO": f"file://{tmp_path}", "PATH": backups.path()}
    ended = run("run", url=database.url, **place, **told)

    assert ended.exit_code == 78
    assert words in ended.report["error"]["message"]
    assert "ephemeral=ok" in ended.report["error"]["message"]
    assert database.tables() == set()


def test_a_directory_in_memory_is_refused(database: Database) -> None:
    ended = run("run", url=database.url, MIGRATOR_BACKUP_TO="file:///dev/shm", PATH=backups.path())

    assert ended.exit_code == 78
    assert "in memory" in ended.report["error"]["message"]


def test_a_directory_that_is_not_there_is_refused(database: Database, tmp_path: Path) -> None:
    ended = run("run", url=database.url, **settings(tmp_path / "nowhere"))

    assert ended.exit_code == 78
    assert "there is no directory" in ended.report["error"]["message"]
    assert database.tables() == set()


def test_the_tables_are_all_those_with_rows_of_their_own(
    database: Database, tmp_path: Path
) -> None:
    with closing(database.connect()) as session, session.cursor() as cursor:
        cursor.execute('CREATE SCHEMA "odd place"')
        cursor.execute('CREATE TABLE "odd place"."a ""b"" c" (x int)')
        cursor.execute("CREATE TABLE parts (x int) PARTITION BY LIST (x)")
        cursor.execute("CREATE TABLE part_1 PARTITION OF parts FOR VALUES IN (1)")
        cursor.execute("CREATE UNLOGGED TABLE quick (x int)")
        cursor.execute("CREATE VIEW seen AS SELECT 1 AS x")
    ended = run("run", url=database.url, **settings(tmp_path))

    assert ended.exit_code == 0
    found = {'odd place.a "b" c', "public.part_1", "public.quick"}
    assert set(manifest(tmp_path)["tables"]) == found


def _peaks_of(pid: int) -> list[int]:
    """Follow the memory of a process while it lives; gives its peaks, in bytes, as they grow."""
    found = [0]

    def look() -> None:
        while True:
            try:
                with open(f"/proc/{pid}/status") as status:  # noqa: PTH123
                    lines = [line for line in status if line.startswith("VmHWM:")]
            except OSError:
                return
            if not lines:
                return
            found.append(int(lines[0].split()[1]) * 1024)
            time.sleep(0.02)

    threading.Thread(target=look, daemon=True).start()
    return found
