"""`migrator backup` and `migrator backups`: one taken now, and those that are there."""

from __future__ import annotations

import json
import signal
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg2

from migrator.database.lock.lock import keys_for
from migrator.database.version_table import VersionTable
from tests.support import backups
from tests.support.backups import files, manifest, restored, settings
from tests.support.command import run, start

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Ended
    from tests.support.servers import Database, Server

NOBODY = "postgresql://nobody@127.0.0.1:1/nothing"


def kept(directory: Path, code: int = 0) -> list[dict[str, Any]]:
    ended = run("backups", "--json", url=NOBODY, MIGRATOR_BACKUP_TO=backups.to(directory))
    assert ended.exit_code == code, ended.output
    found: list[dict[str, Any]] = json.loads(ended.stdout)["backups"]
    return found


def taken(ended: Ended) -> Any:  # noqa: ANN401 - JSON
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout)


def test_takes_one_where_nothing_is_pending_and_migrates_nothing(
    database: Database, server: Server, tmp_path: Path
) -> None:
    run("run", url=database.url)
    answer = taken(run("backup", "--json", url=database.url, **settings(tmp_path)))

    dump, _ = files(tmp_path)
    assert answer == {"backup": f"file://{dump}", "current": ["r3"]}
    told = manifest(tmp_path)
    assert told["revisions_from"] == told["revisions_to"] == ["r3"]
    with restored(dump, server) as copy:
        assert copy.revisions() == ["r3"]
    assert database.advisory_locks() == 0


def test_takes_one_where_something_is_pending_and_leaves_it_pending(
    database: Database, tmp_path: Path
) -> None:
    run("run", url=database.url, MIGRATOR_TARGET="r1")
    answer = taken(run("backup", "--json", url=database.url, **settings(tmp_path)))

    assert answer["current"] == ["r1"]
    assert database.revisions() == ["r1"]


def test_waits_for_the_lock_of_a_run(database: Database, tmp_path: Path) -> None:
    with closing(psycopg2.connect(database.url)) as other:
        key = keys_for([VersionTable(None, "alembic_version")])
        other.cursor().execute("SELECT pg_advisory_xact_lock(%s)", key)
        line = ("backup", "--json", "--lock-wait", "1s")
        ended = run(*line, url=database.url, **settings(tmp_path))

    assert ended.exit_code == 75
    assert json.loads(ended.stdout)["error"]["kind"] == "busy"
    assert files(tmp_path) == []


def test_a_signal_ends_it_and_leaves_nothing(database: Database, tmp_path: Path) -> None:
    backups.fill(database)
    running = start("backup", url=database.url, **settings(tmp_path))
    backups.half_way(running, tmp_path)
    running.kill(signal.SIGTERM)
    ended = running.end()

    assert ended.exit_code == 143
    assert files(tmp_path) == []


def test_without_a_place_it_asks_for_one(database: Database) -> None:
    for command in ("backup", "backups"):
        ended = run(command, url=database.url)
        assert ended.exit_code == 78
        assert "MIGRATOR_BACKUP_TO" in ended.stderr


def test_lists_the_newest_first_and_needs_no_database(database: Database, tmp_path: Path) -> None:
    for target in ("r1", "r2"):
        run("run", url=database.url, MIGRATOR_TARGET=target, **settings(tmp_path))
    newest, oldest = kept(tmp_path)

    assert newest["name"] > oldest["name"]
    assert (newest["state"], oldest["state"]) == ("complete", "complete")
    assert (newest["revisions_from"], newest["revisions_to"]) == (["r1"], ["r2"])
    assert newest["database"] == database.name
    assert newest["address"] == f"file://{files(tmp_path)[-2]}"
    assert newest["size_bytes"] == files(tmp_path)[-2].stat().st_size


def test_what_has_no_manifest_or_no_dump_of_its_size_is_incomplete(
    database: Database, tmp_path: Path
) -> None:
    for target in ("r1", "r2", "r3"):
        run("run", url=database.url, MIGRATOR_TARGET=target, **settings(tmp_path))
    first, first_manifest, second, _, third, _ = files(tmp_path)
    first_manifest.unlink()
    second.write_bytes(second.read_bytes()[:-1])
    third.unlink()
    found = {item["address"]: item for item in kept(tmp_path)}

    assert {item["state"] for item in found.values()} == {"incomplete"}
    assert found[f"file://{first}"]["name"] is None
    assert found[f"file://{second}"]["revisions_from"] == ["r1"]
    assert found[f"file://{third}"]["size_bytes"] is None


def test_for_a_person_it_is_a_line_for_each(database: Database, tmp_path: Path) -> None:
    place = settings(tmp_path)
    assert "There is no backup." in run("backups", url=database.url, **place).stdout
    run("run", url=database.url, **place)
    [line] = run("backups", url=database.url, **place).stdout.splitlines()

    assert line.startswith("complete    20")
    assert f"{database.name} at base" in line
    assert line.endswith(f"file://{files(tmp_path)[0]}")
