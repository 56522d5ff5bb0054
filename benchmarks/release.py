"""What a release costs: where nothing is pending, where all is, and Alembic's own, in one run.

Writes docs/reference/benchmarks.md. hyperfine measures; the programs that it runs are compared
as medians of the same run.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.history import project, without_bytecode
from tests.servers import Database, own_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import OwnServer

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "benchmarks.md"
LENGTHS = (10, 100, 500, 2000)
RUNS = {10: 9, 100: 9, 500: 5}
MANY = 100
BIN = Path(sys.executable).parent
ALEMBIC, MIGRATOR = f"{BIN}/alembic upgrade head", f"{BIN}/migrator run"
_FLOOR = (
    "import os, psycopg2; cursor = psycopg2.connect(os.environ['DATABASE_URL']).cursor();"
    " cursor.execute('SELECT version_num FROM alembic_version'); cursor.fetchall()"
)
FLOOR = f'{sys.executable} -c "{_FLOOR}"'
_CLEAR = (
    "import os, psycopg2; session = psycopg2.connect(os.environ['DATABASE_URL']);"
    " session.cursor().execute('DROP SCHEMA public CASCADE; CREATE SCHEMA public');"
    " session.commit()"
)
CLEAR = f'{sys.executable} -c "{_CLEAR}"'
TEXT = """\
# Benchmarks

Written by `make bench`; do not edit. Medians of one run, as hyperfine measures them. {machine}.

## Nothing is pending

What a restart costs. The floor is a Python that imports psycopg2, connects and reads the version
table. Without bytecode is a container that may not write: Alembic compiles every revision anew.

| revisions | `alembic upgrade head` | `migrator run` | of Alembic's | of the floor | \
of Alembic's, without bytecode |
|{columns_nothing}
{nothing}

{at_once}

## Everything is pending

| revisions | `alembic upgrade head` | `migrator run` | of Alembic's |
|{columns_all}
{everything}

What `migrator run` does besides what Alembic does, measured part by part on the same kind of
machine when it was idle:

| | each run | each revision |
| --- | --- | --- |
| its own modules, and structlog | 27 ms | |
| the project's files, read for a quick answer that was not there | 5 ms | 0.05 ms |
| env.py, run once more, to look | 16 ms | |
| three connections more, each with a password (SCRAM) | 20 ms | |
| the lock, the catalogue, the proof, the ledger: some 40 short queries | 10 ms | |
| a checksum of the revision's file, for the ledger | | 0.17 ms |
| two lines of the log | | 0.03 ms |
| statements, watched | | 0.01 ms |
| garbage collection, which it leaves out while Alembic is imported and at its end | -95 ms | |

Alembic itself takes about 3 ms for each of these revisions, which make a table and an index each.
"""


@dataclass(frozen=True)
class Bench:
    """A project, and the database that it is for."""

    folder: Path
    database: Database

    def environment(self, **more: str) -> dict[str, str]:
        """Give the variables of a command."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return {**kept, "DATABASE_URL": self.database.url, **more}

    def medians(
        self, runs: int, *commands: str, prepare: str = "", warmup: int = 2, **more: str
    ) -> list[float]:
        """Give the median of each command's time, in milliseconds, of so many runs."""
        with tempfile.NamedTemporaryFile(suffix=".json") as found:
            line = ["hyperfine", "-N", f"--warmup={warmup}", f"--runs={runs}", "--style=none"]
            line += [f"--prepare={prepare}"] if prepare else []
            line += [f"--export-json={found.name}", *commands]
            environment = self.environment(**more)
            subprocess.run(line, cwd=self.folder, env=environment, check=True, capture_output=True)
            results = json.loads(Path(found.name).read_text())["results"]
        return [1000 * statistics.median(each["times"]) for each in results]

    def once(self, command: str) -> None:
        """Run a command once; it must end well."""
        line = ["/bin/sh", "-c", f"exec {command}"]
        quiet = subprocess.DEVNULL
        environment = self.environment()
        subprocess.run(
            line, cwd=self.folder, env=environment, stdout=quiet, stderr=quiet, check=True
        )


@contextmanager
def bench(server: OwnServer, length: int) -> Iterator[Bench]:
    """Give a project of this length, and its database at head."""
    with tempfile.TemporaryDirectory() as home, server.fresh() as database:
        made = Bench(project(Path(home), length, database.url), database)
        made.once(ALEMBIC)
        yield made


def nothing_pending(server: OwnServer) -> list[str]:
    """Measure runs that find nothing to do; gives the rows of a table."""
    rows = []
    for length in LENGTHS:
        with bench(server, length) as made:
            alembic, ours, floor = made.medians(15, ALEMBIC, MIGRATOR, FLOOR)
            without_bytecode(made.folder)
            unread = made.medians(9, ALEMBIC, MIGRATOR, PYTHONDONTWRITEBYTECODE="1")
        rows.append(
            f"| {length:,} | {alembic:.0f} ms | {ours:.0f} ms | {ours / alembic:.2f} |"
            f" {ours / floor:.1f} | {unread[1] / unread[0]:.2f} |"
        )
    return rows


def all_pending(server: OwnServer) -> list[str]:
    """Measure runs that apply the whole history; gives the rows of a table."""
    rows = []
    for length, runs in RUNS.items():
        with bench(server, length) as made:
            alembic, ours = made.medians(runs, ALEMBIC, MIGRATOR, prepare=CLEAR)
        rows.append(f"| {length:,} | {alembic:.0f} ms | {ours:.0f} ms | {ours / alembic:.2f} |")
    return rows


def at_once(server: OwnServer) -> str:
    """Measure very many runs at the same time that find nothing to do."""
    with bench(server, 100) as made, ThreadPoolExecutor(MANY) as pool:
        started = [pool.submit(made.once, command) for command in [MIGRATOR] * MANY]
        for each in started:
            each.result()
        seconds = made.medians(1, _crowd(MIGRATOR), _crowd(ALEMBIC), warmup=0)
    return (
        f"{MANY} runs at once on one server, nothing pending: all ended with 0,"
        f" in {seconds[0] / 1000:.1f} s together;"
        f" Alembic's in {seconds[1] / 1000:.1f} s."
    )


def _crowd(command: str) -> str:
    return f"/bin/sh -c 'for i in $(seq {MANY}); do {command} >/dev/null 2>&1 & done; wait'"


def page(server: OwnServer) -> str:
    """Measure everything and give the page."""
    return TEXT.format(
        machine=_machine(),
        columns_nothing=" --- |" * 6,
        nothing="\n".join(nothing_pending(server)),
        at_once=at_once(server),
        columns_all=" --- |" * 4,
        everything="\n".join(all_pending(server)),
    )


def _machine() -> str:
    names = ("alembic", "sqlalchemy", "psycopg2-binary")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return (
        f"{os.cpu_count()} cores, {platform.system()} on {platform.machine()}, Python"
        f" {platform.python_version()}, {versions}, an embedded Postgres 18 over TCP"
    )


def main() -> None:
    """Measure, and write the page."""
    if not shutil.which("hyperfine"):
        raise SystemExit("make bench needs hyperfine (Debian: apt-get install hyperfine)")
    with own_server() as server:
        PAGE.write_text(page(server), encoding="utf-8")
    print(PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
