"""A project and its database, and what it takes to measure commands on them."""

from __future__ import annotations

import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks.history import identifier, project

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.server import Database, Server

BIN = Path(sys.executable).parent
ALEMBIC, MIGRATOR = f"{BIN}/alembic upgrade head", f"{BIN}/migrator run"
_FLOOR = (
    "import os, psycopg2; cursor = psycopg2.connect(os.environ['DATABASE_URL']).cursor();"
    " cursor.execute('SELECT version_num FROM alembic_version'); cursor.fetchall()"
)
FLOOR = f'{sys.executable} -c "{_FLOOR}"'
_STATEMENTS = (
    "import sys, psycopg2; session = psycopg2.connect(sys.argv[1]); session.autocommit = True;"
    " [session.cursor().execute(statement) for statement in sys.argv[2:]]"
)
_ENV = "env -u HYPERFINE_RANDOMIZED_ENVIRONMENT_OFFSET"
"""hyperfine gives each run another environment; to our ledger that is another project."""
_PEAK = Path(__file__).parent / "peak.py"


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    lengths: tuple[int, ...] = (10, 100, 500, 2_000)
    usual: int = 500
    """The length at which most goals are set."""
    large: int = 10_000
    turns: int = 3
    """The commands take turns so often, so that a noise of minutes meets them all."""
    runs: int = 5
    clients: int = 1_000


QUICK = Extent(lengths=(10, 50), usual=50, large=100, turns=1, runs=2, clients=20)
"""Enough to see that everything works; its figures mean nothing."""


class Command(NamedTuple):
    """A line to measure, and what is done before each time, which is not."""

    line: str
    before: str = "true"


class Spent(NamedTuple):
    """What one run of a command took."""

    seconds: float
    megabytes: float


@dataclass(frozen=True)
class Bench:
    """A project, and the database that it is for."""

    folder: Path
    server: Server
    database: Database

    def environment(self, **more: str) -> dict[str, str]:
        """Give the variables of a command; the same for all, or nothing would be remembered."""
        names = ("PATH", "HOME", "DOCKER_HOST")
        kept = {name: os.environ[name] for name in names if name in os.environ}
        return {**kept, "DATABASE_URL": self.database.url, **more}

    def medians(
        self, extent: Extent, *commands: Command, runs: int | None = None, **more: str
    ) -> list[float]:
        """Give the median of each command's time, in milliseconds.

        They are warm where the number of runs is not given.
        """
        options = [f"--warmup={0 if runs else 1}", f"--runs={runs or extent.runs}"]
        times: list[list[float]] = [[] for _ in commands]
        for _ in range(extent.turns):
            for taken, new in zip(times, self._turn(options, commands, more), strict=True):
                taken.extend(new)
        return [1000 * statistics.median(taken) for taken in times]

    def _turn(
        self, options: list[str], commands: tuple[Command, ...], more: dict[str, str]
    ) -> list[list[float]]:
        line = ["hyperfine", "-N", "--style=none", *options]
        line += [f"--prepare={each.before}" for each in commands]
        with tempfile.NamedTemporaryFile(suffix=".json") as found:
            line += [f"--export-json={found.name}", *(f"{_ENV} {each.line}" for each in commands)]
            environment = self.environment(**more)
            subprocess.run(line, cwd=self.folder, env=environment, check=True, capture_output=True)
            results = json.loads(Path(found.name).read_text())["results"]
        return [each["times"] for each in results]

    def peak(self, line: str, **more: str) -> Spent:
        """Run a command once, and give what it took; it must end well."""
        whole = [sys.executable, "-I", "-S", str(_PEAK), *shlex.split(line)]
        environment = self.environment(**more)
        ended = subprocess.run(
            whole, cwd=self.folder, env=environment, check=True, capture_output=True
        )
        found = json.loads(ended.stdout)
        assert found["exit_code"] == 0, f"{line} ended with {found['exit_code']}"
        return Spent(found["seconds"], found["kib"] / 1024)

    def forgetting(self) -> str:
        """Give a command after which no run remembers anything of the project."""
        return _statements(self.database.url, "DELETE FROM migrator.cache")

    def renewing(self, template: str = "template0") -> str:
        """Give a command that makes the database anew."""
        return renewal(self.server, self.database.name, template)

    def once(self, line: str) -> None:
        """Run a command once; it must end well."""
        self.peak(line)


@contextmanager
def bench(
    server: Server, length: int, *, short_of: int = 0, models: bool = False
) -> Iterator[Bench]:
    """Give a project of this length, and its database at head, or so many revisions short of it.

    Its bytecode is there.
    """
    with tempfile.TemporaryDirectory() as home, server.fresh() as database:
        Path(home).chmod(0o755)  # a container's user reads it too
        folder = project(Path(home), length, database.url, models=models)
        made = Bench(folder, server, database)
        made.once(f"{MIGRATOR} --target {identifier(length - short_of)}")
        yield made


def renewal(server: Server, name: str, template: str) -> str:
    """Give a command that makes a database anew from another of this server.

    DROP SCHEMA of thousands of tables would need a lock for each.
    """
    return _statements(
        server.url,
        f"DROP DATABASE IF EXISTS {name} WITH (FORCE)",
        f"CREATE DATABASE {name} TEMPLATE {template}",
    )


def _statements(url: str, *statements: str) -> str:
    return shlex.join([sys.executable, "-c", _STATEMENTS, url, *statements])
