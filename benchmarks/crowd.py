"""Very many processes at once on one server."""

from __future__ import annotations

import subprocess
import time
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from benchmarks.bench import ALEMBIC, MIGRATOR, bench
from benchmarks.section import Section, table
from benchmarks.waiters import Waiters, room_mb

if TYPE_CHECKING:
    from benchmarks.bench import Extent
    from benchmarks.server import Server
    from benchmarks.waiters import Waited

TITLE = "Very many at once"
_HEADER = (
    *(
        "`migrator wait`",
        "connections taken",
        "ended with 0",
        "half of them after",
        "the last after",
    ),
    *("sessions at most", "refused and tried again", "server's CPU time"),
)
_TEXT = """\
{many} runs at once on one server, nothing pending, 100 revisions: in {ours:.1f} s together,
Alembic's in {alembic:.1f} s. {failed} of ours ended with another code than 0.

`migrator wait` by {clients:,} processes, 100 revisions of which the last is pending, on a server
with max_connections = {most}. When all of them wait, `migrator run` applies it. The times, the
sessions and the server's time count from when it was applied; the refusals from when the processes
were started. All of them are on the cores of this one machine. In the second row other sessions
hold nearly all of the connections. A process that waits has {private:.1f} MB of memory to itself.
{fewer}
{table}"""
_FEW = 100
_FEWER = "More of them do not fit into this machine's memory.\n"


def measure(server: Server, extent: Extent) -> Section:
    """Measure no-ops at once, and `wait` by as many clients as there is room for."""
    many = min(100, extent.clients)
    ours, failed = _at_once(server, MIGRATOR, many)
    alembic, _ = _at_once(server, ALEMBIC, many)
    private = _private(server)
    clients = min(extent.clients, int(0.8 * room_mb() / private))
    most = int(server.database("postgres").rows("SHOW max_connections")[0][0])
    rows = [_waiting(server, clients, 0), _waiting(server, min(clients, _FEW), most - 5)]
    text = _TEXT.format(
        many=many,
        ours=ours,
        alembic=alembic,
        failed=failed or "None",
        clients=clients,
        most=most,
        private=private,
        fewer="" if clients == extent.clients else _FEWER,
        table=table(_HEADER, rows),
    )
    return Section(TITLE, text)


def _at_once(server: Server, line: str, many: int) -> tuple[float, int]:
    """Give how many seconds they took together, and how many did not end with 0."""
    quiet = subprocess.DEVNULL
    with bench(server, 100) as made:
        made.once(line)
        began = time.monotonic()
        environment = made.environment()
        processes = [
            subprocess.Popen(
                line.split(), cwd=made.folder, env=environment, stdout=quiet, stderr=quiet
            )
            for _ in range(many)
        ]
        codes = [process.wait() for process in processes]
        return time.monotonic() - began, sum(code != 0 for code in codes)


def _private(server: Server) -> float:
    """Give what one process that waits has of its own, in MB."""
    with bench(server, 100, short_of=1) as made, Waiters(made) as waiters:
        waiters.start(1)
        waiters.until_all_wait()
        return waiters.private_mb()


def _waiting(server: Server, clients: int, taken: int) -> list[str]:
    with bench(server, 100, short_of=1) as made, Waiters(made) as waiters, ExitStack() as others:
        for _ in range(taken):
            others.enter_context(closing(made.database.connect()))
        waiters.start(clients)
        waiters.until_all_wait()
        found = waiters.released()
    return _row(clients, taken, found)


def _row(clients: int, taken: int, found: Waited) -> list[str]:
    return [
        *(f"{clients:,}", f"{taken}", f"{found.well:,}"),
        *(f"{found.half_s:.1f} s", f"{found.last_s:.1f} s"),
        *(f"{found.sessions}", f"{found.refused:,}", f"{found.server_cpu_s:.1f} s"),
    ]
