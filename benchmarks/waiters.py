"""Processes of `migrator wait` on a database that is behind, and what becomes of them."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from benchmarks.bench import BIN, MIGRATOR

if TYPE_CHECKING:
    from types import TracebackType

    from psycopg2.extensions import connection as Connection

    from benchmarks.bench import Bench

_WAIT = [f"{BIN}/migrator", "wait", "--timeout", "15m", "--connect-timeout", "15m"]
_REFUSED = ("too many clients", "connection slots")
_ALL_WAIT_WITHIN_S = 240


class Waited(NamedTuple):
    """How they ended: seconds since the database was at head, and what it took of the server."""

    well: int
    half_s: float
    last_s: float
    sessions: int
    refused: int
    server_cpu_s: float


class Waiters:
    """So many processes, whose logs go into one file beside the project."""

    def __init__(self, made: Bench) -> None:
        """Let them wait for the database of this project."""
        self._made, self._log = made, made.folder.parent / "waiters.log"
        self.processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        """Start none yet; take the session by which they are watched while there is one."""
        self._watching = self._made.database.connect()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End those that are left."""
        self._watching.close()
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()

    def start(self, count: int) -> None:
        """Start so many."""
        environment = self._made.environment()
        with self._log.open("ab") as log:  # appending: lines of several do not mix
            for _ in range(count):
                process = subprocess.Popen(
                    _WAIT,
                    cwd=self._made.folder,
                    env=environment,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                )
                self.processes.append(process)

    def until_all_wait(self) -> None:
        """Return when each has said that the database is behind, or some minutes later."""
        deadline = time.monotonic() + _ALL_WAIT_WITHIN_S
        wait: set[str] = set()
        with self._log.open("rb") as log:
            while time.monotonic() < deadline and len(wait) < len(self.processes):
                time.sleep(1)
                told = (json.loads(line) for line in log if b'"it is at' in line)
                wait |= {line["run_id"] for line in told}

    def released(self) -> Waited:
        """Bring the database to head, and give how they ended."""
        before = _server_cpu_s(self._made)
        with Sessions(self._watching) as sessions:
            told = subprocess.run(
                [*MIGRATOR.split(), "--connect-timeout", "15m"],
                cwd=self._made.folder,
                env=self._made.environment(),
                check=True,
                capture_output=True,
            )
            applied = [json.loads(line) for line in told.stdout.splitlines()]
            there = max(_seconds(line) for line in applied if line["event"] == "revision.applied")
            ends = [end - there for end in self._ends()]
        time.sleep(1)  # the last sessions end
        return Waited(
            well=sum(process.returncode == 0 for process in self.processes),
            half_s=statistics.median(ends),
            last_s=max(ends),
            sessions=sessions.most,
            refused=sum(any(word in line["reason"] for word in _REFUSED) for line in self._lines()),
            server_cpu_s=_server_cpu_s(self._made) - before,
        )

    def private_mb(self) -> float:
        """Give the memory of the first that is nobody else's."""
        text = Path(f"/proc/{self.processes[0].pid}/smaps_rollup").read_text()
        rows = [line.split() for line in text.splitlines() if line.startswith("Private_")]
        return sum(int(size) for _, size, *_ in rows) / 1024

    def _ends(self) -> list[float]:
        """Give when each ended, in seconds since the epoch, to a twentieth of one."""
        ends: list[float] = []
        left = self.processes
        while left:
            still = [process for process in left if process.poll() is None]
            ends += [time.time()] * (len(left) - len(still))
            left = still
            time.sleep(0.05)
        return ends

    def _lines(self) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self._log.read_bytes().splitlines()]
        return [line for line in lines if line["event"] == "database.waiting"]


class Sessions:
    """The most sessions of clients that were seen at once, ours who looks apart."""

    def __init__(self, connection: Connection) -> None:
        """Look by this session."""
        self.most = 0
        self._connection, self._over = connection, threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        """Begin to look, twenty times a second."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        query = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        with self._connection.cursor() as cursor:
            while not self._over.wait(0.05):
                cursor.execute(query)
                self.most = max(self.most, *(number for (number,) in cursor.fetchall()))


def room_mb() -> float:
    """Give how much memory programs may still take."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 1024


def _seconds(line: dict[str, Any]) -> float:
    return datetime.fromisoformat(line["timestamp"]).timestamp()


def _server_cpu_s(made: Bench) -> float:
    """Give what the server and all its sessions that have ended took of the processors."""
    process = (
        (Path(made.database.rows("SHOW data_directory")[0][0]) / "postmaster.pid")
        .read_text()
        .splitlines()[0]
    )
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
