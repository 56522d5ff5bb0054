"""What goes wrong with a backup: nothing is migrated, and nothing is left that looks whole."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any

import pyrage
import pytest

from migrator.process import environment
from tests.support import backups
from tests.support.backups import files, half_way, settings
from tests.support.buckets import Bucket, Faulty
from tests.support.command import eventually, run, start

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.command import Ended
    from tests.support.servers import Database, Server

CODES = [(signal.SIGTERM, 143), (signal.SIGINT, 130)]


@pytest.fixture(scope="module")
def template(server: Server) -> Iterator[Database]:
    """Give a database of 55 MB, to be copied."""
    with server.fresh() as made:
        backups.fill(made)
        yield made


@pytest.fixture
def large(server: Server, template: Database) -> Iterator[Database]:
    """Give a database whose dump takes a second or two."""
    with server.fresh(template=template.name) as made:
        yield made


def on(store: Bucket, **more: str) -> dict[str, str]:
    return {"MIGRATOR_BACKUP_TO": store.url, "PATH": backups.path(), **store.env, **more}


def nothing_was_migrated(ended: Ended, database: Database, exit_code: int, kind: str) -> Any:  # noqa: ANN401 - the error
    assert ended.exit_code == exit_code, ended.output
    error = ended.report["error"]
    assert error["kind"] == kind
    assert ended.report["database_state"] == "unchanged"
    assert ended.report["backup"] is None
    assert ended.report["applied"] == []
    assert "revision.started" not in ended.events
    assert "backup.finished" not in ended.events
    assert database.tables() <= {"large"}
    assert database.advisory_locks() == 0
    eventually(lambda: sessions(database) == [])
    return error


def sessions(database: Database) -> list[Any]:
    """Give the sessions that are left, and what they do."""
    query = (
        "SELECT application_name, query FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    return database.rows(query)


def test_a_pg_dump_that_is_killed_half_way_ends_with_73(large: Database, tmp_path: Path) -> None:
    running = start("run", url=large.url, **settings(tmp_path))
    os.kill(half_way(running, tmp_path), signal.SIGKILL)
    ended = running.end()

    error = nothing_was_migrated(ended, large, 73, "backup")
    assert "pg_dump was ended by signal 9" in error["message"]
    assert error["hint"]
    assert files(tmp_path) == []


def test_a_pg_dump_that_fails_half_way_ends_with_73_and_its_own_words(
    large: Database, tmp_path: Path
) -> None:
    running = start("run", url=large.url, **settings(tmp_path))
    half_way(running, tmp_path)
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%large%'"
    large.rows(query)
    ended = running.end()

    error = nothing_was_migrated(ended, large, 73, "backup")
    assert "pg_dump ended with 1" in error["message"]
    assert 'contents of table "large" failed' in error["message"]
    assert files(tmp_path) == []


@pytest.mark.parametrize("encrypted", [False, True], ids=["in clear", "encrypted"])
def test_a_dump_that_lacks_a_table_ends_with_73(
    encrypted: bool,  # noqa: FBT001 - a parameter of the test
    large: Database,
    tmp_path: Path,
) -> None:
    kept, odd = tmp_path / "kept", tmp_path / "bin"
    kept.mkdir()
    odd.mkdir()
    (odd / "pg_restore").symlink_to(backups.PROGRAMS / "pg_restore")
    real = backups.PROGRAMS / "pg_dump"
    (odd / "pg_dump").write_text(f'#!/bin/sh\nexec {real} "$@" --exclude-table-data=large\n')
    (odd / "pg_dump").chmod(0o755)
    to = str(pyrage.x25519.Identity.generate().to_public()) if encrypted else ""
    more = {"MIGRATOR_BACKUP_ENCRYPT_TO": to} if to else {}
    ended = run("run", url=large.url, **settings(kept, PATH=backups.path(odd), **more))

    error = nothing_was_migrated(ended, large, 73, "backup")
    assert "lacks the data of public large" in error["message"]
    assert files(kept) == []


def test_a_table_that_the_role_may_not_read_ends_with_73(
    database: Database, tmp_path: Path
) -> None:
    database.rows("CREATE TABLE theirs (x int); CREATE ROLE backup_blind LOGIN")
    database.rows("GRANT ALL ON SCHEMA public TO backup_blind")
    url = database.url.replace("postgres:@", "backup_blind@").replace("postgres@", "backup_blind@")
    try:
        if url == database.url:
            pytest.skip("needs a server that lets a role in without a password")
        ended = run("run", url=url, **settings(tmp_path))
    finally:
        database.rows("DROP OWNED BY backup_blind; DROP ROLE backup_blind")

    assert ended.exit_code == 73
    assert "permission denied for table theirs" in ended.report["error"]["message"]
    assert files(tmp_path) == []


@pytest.mark.parametrize(("number", "code"), CODES)
def test_a_signal_half_way_leaves_nothing_in_a_directory(
    number: signal.Signals, code: int, large: Database, tmp_path: Path
) -> None:
    running = start("run", url=large.url, **settings(tmp_path))
    dump = half_way(running, tmp_path)
    running.kill(number)
    ended = running.end()

    nothing_was_migrated(ended, large, code, "interrupted")
    assert files(tmp_path) == []
    assert not os.path.exists(f"/proc/{dump}")  # noqa: PTH110 - a process


def test_pg_dump_can_be_told_to_end_though_the_run_blocks_its_signals(
    large: Database, tmp_path: Path
) -> None:
    running = start("run", url=large.url, **settings(tmp_path))
    masks = {process: _blocked(process) for process in (running.pid, half_way(running, tmp_path))}
    running.end()

    both = 1 << (signal.SIGTERM - 1) | 1 << (signal.SIGINT - 1)
    assert [mask & both for mask in masks.values()] == [both, 0]


def _blocked(pid: int) -> int:
    """Give the mask of the signals that a process blocks (proc(5), "SigBlk")."""
    with open(f"/proc/{pid}/status") as status:  # noqa: PTH123 - a process
        told = dict(line.split(":\t", 1) for line in status.read().splitlines())
    return int(told["SigBlk"], 16)


def test_a_signal_half_way_leaves_nothing_in_a_bucket(large: Database, store: Bucket) -> None:
    running = start("run", url=large.url, **on(store))
    running.until("backup.started")
    eventually(lambda: store.unfinished() != [])
    running.kill(signal.SIGTERM)
    ended = running.end()

    nothing_was_migrated(ended, large, 143, "interrupted")
    assert store.keys() == []
    assert store.unfinished() == []


def test_a_signal_while_pg_dump_waits_for_a_lock_ends_the_run(
    database: Database, tmp_path: Path
) -> None:
    database.rows("CREATE TABLE large (x int)")
    with closing(database.connect()) as other, other.cursor() as cursor:
        cursor.execute("BEGIN; LOCK TABLE large IN ACCESS EXCLUSIVE MODE")
        running = start("run", url=database.url, **settings(tmp_path))
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        eventually(lambda: database.rows(waiting) == [(1,)])
        running.kill(signal.SIGTERM)
        ended = running.end()
    nothing_was_migrated(ended, database, 143, "interrupted")
    assert files(tmp_path) == []


def test_the_deadline_ends_a_backup_too(large: Database, tmp_path: Path) -> None:
    slow = tmp_path / "bin"
    slow.mkdir()
    for name, line in (("pg_dump", '[ "$1" = --version ] || sleep 600'), ("pg_restore", ":")):
        (slow / name).write_text(f'#!/bin/sh\n{line}\nexec {backups.PROGRAMS}/{name} "$@"\n')
        (slow / name).chmod(0o755)
    kept = tmp_path / "kept"
    kept.mkdir()
    ended = run(
        "run", url=large.url, MIGRATOR_DEADLINE="3s", **settings(kept, PATH=backups.path(slow))
    )

    nothing_was_migrated(ended, large, 124, "deadline")
    assert files(kept) == []


def test_an_upload_that_breaks_half_way_ends_with_74(
    large: Database, store: Bucket, endpoint: str
) -> None:
    network = Faulty(endpoint, breaks_after=12 << 20)
    ended = run("run", url=large.url, **on(store, AWS_ENDPOINT_URL=network.endpoint))

    error = nothing_was_migrated(ended, large, 74, "storage")
    assert "try again" in error["hint"]
    assert store.keys() == []


def test_what_is_read_back_and_is_not_what_was_stored_ends_with_74(
    large: Database, store: Bucket, endpoint: str
) -> None:
    network = Faulty(endpoint, alters=True)
    try:
        ended = run("run", url=large.url, **on(store, AWS_ENDPOINT_URL=network.endpoint))
    finally:
        network.close()

    error = nothing_was_migrated(ended, large, 74, "storage")
    assert "is not what was stored" in error["message"]
    assert store.keys() == []


@pytest.mark.parametrize("change", ["truncate --size=-1", "dd bs=1 seek=5M conv=notrunc of="])
def test_a_dump_that_changes_before_it_is_read_back_ends_with_74(
    change: str, large: Database, tmp_path: Path
) -> None:
    kept, spoilt = tmp_path / "kept", tmp_path / "bin"
    kept.mkdir()
    spoilt.mkdir()
    real = backups.PROGRAMS / "pg_restore"
    act = f"echo x | {change}{'' if change.endswith('=') else ' '}$(echo {kept}/*/*.dump)"
    (spoilt / "pg_restore").write_text(f'#!/bin/sh\n{act}\nexec {real} "$@"\n')
    (spoilt / "pg_dump").write_text(f'#!/bin/sh\nexec {backups.PROGRAMS}/pg_dump "$@"\n')
    for each in spoilt.iterdir():
        each.chmod(0o755)
    ended = run("run", url=large.url, **settings(kept, PATH=backups.path(spoilt)))

    error = nothing_was_migrated(ended, large, 74, "storage")
    assert "is not what was stored" in error["message"]
    assert files(kept) == []


def test_wrong_credentials_end_with_74_before_the_lock(database: Database, store: Bucket) -> None:
    with store.knowing_nobody():
        ended = run("run", url=database.url, **on(store))

    error = nothing_was_migrated(ended, database, 74, "storage")
    assert "InvalidAccessKeyId" in error["message"]
    assert "credentials" in error["hint"]
    assert "bucket-secret-word" not in ended.output
    assert "lock.acquired" not in ended.events


def test_a_bucket_that_is_not_there_ends_with_74_before_the_lock(
    database: Database, store: Bucket
) -> None:
    ended = run("run", url=database.url, **on(store, MIGRATOR_BACKUP_TO="s3://no-such-bucket/x"))

    error = nothing_was_migrated(ended, database, 74, "storage")
    assert "NoSuchBucket" in error["message"]
    assert "lock.acquired" not in ended.events


@pytest.mark.parametrize(
    ("name", "value", "plain"),
    [
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9000", True),
        ("AWS_ENDPOINT_URL", "https://objects.example", False),
        ("AZURE_STORAGE_ENDPOINT", "http://127.0.0.1:10000", True),
        ("SHOP_ENDPOINT", "http://shop.example", False),
    ],
)
def test_a_store_is_spoken_to_without_tls_only_where_its_endpoint_says_so(
    name: str, value: str, *, plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert environment.plain_http() is plain


def test_a_full_disk_ends_with_74(large: Database, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        ended = run("run", url=large.url, **settings(disk))

        error = nothing_was_migrated(ended, large, 74, "storage")
        assert "No space left on device" in error["message"]
        assert "Make room" in error["hint"]
        assert files(disk) == []


def test_a_lock_that_is_lost_during_a_backup_ends_with_69(large: Database, tmp_path: Path) -> None:
    kept, slow = tmp_path / "kept", tmp_path / "bin"
    kept.mkdir()
    slow.mkdir()
    (slow / "pg_restore").symlink_to(backups.PROGRAMS / "pg_restore")
    then = 'case "$*" in *--snapshot*) sleep 600 ;; esac'  # not where its version is asked for
    (slow / "pg_dump").write_text(f'#!/bin/sh\n{backups.PROGRAMS}/pg_dump "$@" && {then}\n')
    (slow / "pg_dump").chmod(0o755)
    running = start("run", url=large.url, **settings(kept, PATH=backups.path(slow)))
    running.until("backup.started")
    large.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    ended = running.end()

    nothing_was_migrated(ended, large, 69, "unreachable")
    assert "session that held the lock is gone" in ended.report["error"]["message"]
    assert files(kept) == []


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """Give a disk of 4 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a disk")
    place.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    if subprocess.run(line, check=False, capture_output=True).returncode:
        pytest.skip("this container may not mount a disk")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)  # noqa: S607 - where it is, is the system's
