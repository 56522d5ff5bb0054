"""Each fault at each step of a run: what it says, what it leaves, and that the next run goes on."""

from __future__ import annotations

import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.faults.matrix import DONE, EXPECTED, FAULTS, KILLED, PHASES
from tests.faults.scene import KEY, ROLE, Scene, lock_is_free, standing
from tests.support.command import Ended, eventually
from tests.support.servers import Database, OwnServer, own_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

HISTORY = ["r1", "r2", "r3", "r4"]
_POLL_S, _FREE_WITHIN_S = 0.05, 2.0
_STOPPED_S = 1.5
_DISK_BYTES = 40_000_000


@pytest.fixture(scope="module")
def server() -> Iterator[OwnServer]:
    """Give a server that may be restarted, and a role that owns its databases."""
    with own_server() as running:
        Database(running.url).rows(f"CREATE ROLE {ROLE} LOGIN PASSWORD '{ROLE}'")
        yield running


@pytest.fixture(scope="module")
def disk(server: OwnServer) -> Iterator[Path]:
    """Give a small disk, with a tablespace on it."""
    place = server.home / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_BYTES}", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here: that takes root")
    try:
        server.own(place)
        Database(server.url).rows(f"CREATE TABLESPACE small LOCATION '{place}'")
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)  # noqa: S607


@pytest.fixture
def scene(request: pytest.FixtureRequest, server: OwnServer, tmp_path: Path) -> Iterator[Scene]:
    """Give a scene in a database of its own; for a full disk, on the small one."""
    full = request.node.callspec.params["fault"] == "full"
    place = request.getfixturevalue("disk") if full else None
    with server.fresh(tablespace="small" if full else None) as database:
        made = Scene(server, database, tmp_path)
        try:
            yield made
        finally:
            made.close()
            if place:
                (place / "filler").unlink(missing_ok=True)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_leaves_what_the_report_says(fault: str, phase: str, scene: Scene) -> None:
    expected = EXPECTED[fault][phase]
    scene.reach(phase)
    STRIKE[fault](scene)
    if lets_go(fault, phase):
        scene.let_go()
    ended = scene.run.end(90)

    assert ended.exit_code == expected.exit_code, ended.output
    if phase in {"connecting", "waiting"}:
        scene.leave()  # the lock was never ours
    assert_lock_is_soon_free(scene.database)
    scene.let_go()
    (scene.server.home / "disk/filler").unlink(missing_ok=True)
    before = standing(scene.database)
    assert_whole(scene.database, before)
    if expected != KILLED:
        assert ended.report["database_state"] == expected.state, ended.output
        assert_true(ended, scene.database.revisions(), before, phase)

    again = scene.again()
    assert again.exit_code == 0, again.output
    assert again.report["database_state"] in {"migrated", "unchanged"}
    assert scene.database.revisions() == ["r4"]
    assert set(standing(scene.database).values()) == {"there"}


def lets_go(fault: str, phase: str) -> bool:
    """Tell whether the run gets to its end only where nothing holds it any more."""
    in_python = phase == "between" and fault in {"reset", "restart", "crash", "holder"}
    return EXPECTED[fault][phase] == DONE or fault == "full" or in_python


def assert_lock_is_soon_free(database: Database) -> None:
    """Poll for two seconds; what the machine itself is held up in between does not count."""
    for _ in range(round(_FREE_WITHIN_S / _POLL_S)):
        if lock_is_free(database):
            return
        time.sleep(_POLL_S)
    pytest.fail(f"the lock is not free after {_FREE_WITHIN_S} s")


def assert_whole(database: Database, found: dict[str, str]) -> None:
    """See that each revision is wholly there or wholly absent, as the version table says.

    What was built concurrently is in no transaction: it may be there, or be left invalid.
    """
    applied = HISTORY[: HISTORY.index(database.revisions()[0]) + 1] if database.revisions() else []
    for revision in HISTORY:
        if revision in applied:
            assert found[revision] == "there", found
        else:
            assert found[revision] == "absent" or (revision == "r3" and found[revision]), found


def assert_true(ended: Ended, at: list[str], found: dict[str, str], phase: str) -> None:
    """See that the report says what is there."""
    report = ended.report
    if report["database_state"] == "unknown":
        return
    began = ["r1", "r2"] if phase == "index" else []
    applied = began + [each["revision"] for each in report["applied"]]
    assert applied[-1:] == at
    if found["r3"] == "broken":
        assert "DROP INDEX CONCURRENTLY public.accounts_email" in report["error"]["hint"]


def kill(scene: Scene) -> None:
    """Kill the process."""
    scene.run.kill(signal.SIGKILL)


def term(scene: Scene) -> None:
    """Ask the process to end."""
    scene.run.kill(signal.SIGTERM)


def stop(scene: Scene) -> None:
    """Stop the process for a moment."""
    scene.run.kill(signal.SIGSTOP)
    time.sleep(_STOPPED_S)
    scene.run.kill(signal.SIGCONT)


def deaf(scene: Scene) -> None:
    """Let nothing through any more, and acknowledge everything."""
    scene.proxy.silent = True


def reset(scene: Scene) -> None:
    """Cut every connection; new ones go through."""
    scene.proxy.cut()


def restart(scene: Scene) -> None:
    """Restart the server without a shutdown in good order."""
    scene.server.restart()


def crash(scene: Scene) -> None:
    """Make the server crash, and wait until it has recovered."""
    scene.server.crash()


def full(scene: Scene) -> None:
    """Fill the disk."""
    with (scene.server.home / "disk/filler").open("wb", buffering=0) as filler, no_space():
        while True:
            filler.write(bytes(8192))


@contextmanager
def no_space() -> Iterator[None]:
    """Expect the disk to be full in the end."""
    with pytest.raises(OSError, match="No space left"):
        yield


def holder(scene: Scene) -> None:
    """End the session that holds the lock: our own, or another's where we have none yet."""
    query = (
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND mode = 'ExclusiveLock' AND (classid::bigint << 32 | objid::bigint) = %s"
    )
    assert scene.database.rows(query, KEY) == [(True,)]
    eventually(lambda: scene.database.advisory_locks("ExclusiveLock") == 0)


def cancel(scene: Scene) -> None:
    """Cancel whatever the release's role runs at this moment."""
    query = "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE usename = %s"
    scene.database.rows(query, ROLE)


STRIKE = {
    each.__name__: each
    for each in (kill, term, stop, deaf, reset, restart, crash, full, holder, cancel)
}
