"""What a backup costs: ours until it is proven, and the usual two steps until they have ended.

The usual two steps are `pg_dump -Fc` into a file, and a copy of that file to the same place. Both
have the same server, data and place, one after the other in the same run. Writes
docs/reference/benchmarks-backup.md; the arguments are how large the tables are to be, in MB, and
the number of rounds. With TEST_DATABASE_URL and TEST_PROGRAMS, another server and the folder of
another pg_dump, it only prints.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.bucket import bucket
from benchmarks.server import PATH, PROGRAMS, Server, own_server

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from benchmarks.bucket import Bucket
    from benchmarks.server import Database

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "benchmarks-backup.md"
PROJECT = Path(__file__).parent.parent / "tests" / "trees" / "plain"
DEFAULT_MB = 1000
DEFAULT_ROUNDS = 3
_ROW_BYTES = 141
_FILL = """
CREATE TABLE orders AS
SELECT i AS id, (random() * 100000)::int AS customer, now() - i * interval '1 second' AS made,
       (random() * 1000)::numeric(10, 2) AS amount,
       (ARRAY['new', 'paid', 'sent', 'done'])[1 + (i %% 4)] AS state,
       'order ' || i || ' of ' || md5((i %% 50000)::text) || ' to ' || md5(i::text) AS note
FROM generate_series(1, %s) AS i
"""
_UPLOAD = """
import os, sys, boto3
client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
client.upload_file(sys.argv[1], sys.argv[2], "naive.dump")
"""
COMPRESSION = {
    "gzip": "its level 1, because this `pg_dump` was built without zstd",
    "zstd": "zstd",
}
TEXT = """\
# Benchmarks of backups

Written by `make bench-backup`; do not edit. Medians of {rounds} round(s) in one run, the programs
in turns. {machine}.

{size} of tables, {rows:,} rows. The usual two steps are `pg_dump -Fc` into a file, and a copy of it
to the same place, which proves nothing. Ours is `migrator backup`, from its start to the end of its
proof: the bytes are in the place, were all read back, and have the right checksum, and `pg_restore
--list` finds every table in them. CPU and memory are those of the client's programs, the memory of
the largest; the server, and the store, have the same work to do for both.

| place | what | wall time | CPU | peak memory | stored | to ours |
| --- | --- | --- | --- | --- | --- | --- |
{table}

The bucket is moto's server on the same machine, which takes its part of the CPU. What was read back
had been written a moment ago, so a directory's is read from the system's cache. The usual two steps
compress by `pg_dump`'s default, gzip's level 6, and ours by {compression}.

## Restore

| what | wall time |
| --- | --- |
{restore}
"""


@dataclass(frozen=True)
class Cost:
    """What a command took."""

    wall_s: float
    cpu_s: float
    peak_bytes: int


def cost(line: Sequence[str], env: Mapping[str, str], cwd: Path) -> Cost:
    """Run a command to its good end, and give what it took with all that it started."""
    began = time.monotonic()
    process = subprocess.Popen(
        line, env=dict(env), cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    wall_s = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        message = f"{line} ended with {process.returncode}"
        raise SystemExit(message)
    return Cost(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


@dataclass(frozen=True)
class Bench:
    """A database, and the places to back it up to."""

    database: Database
    home: Path
    bucket: Bucket

    def environment(self, **more: str) -> dict[str, str]:
        """Give the variables of a command."""
        kept = {name: os.environ[name] for name in ("HOME",) if name in os.environ}
        url = {"MIGRATOR_DATABASE_URL": self.database.url, "AWS_DEFAULT_REGION": "us-east-1"}
        return {**kept, **url, **self.bucket.env, "PATH": PATH, **more}

    def naive(self, copy: str) -> Cost:
        """Dump into a file, and copy that."""
        file = self.home / "naive.dump"
        dump = f"{PROGRAMS}/pg_dump -Fc --file={file} --dbname={self.database.url}"
        line = ["/bin/sh", "-c", f"{dump} && {copy.format(file=file)}"]
        return cost(line, self.environment(), self.home)

    def ours(self, place: str, **more: str) -> Cost:
        """Take a backup."""
        line = [sys.executable, "-m", "migrator", "backup", "--backup-to", place]
        return cost(line, self.environment(MIGRATOR_BACKUP_KEEP="1", **more), PROJECT)


@contextmanager
def bench(server: Server, megabytes: int) -> Iterator[Bench]:
    """Give a database with so much in it."""
    with (
        tempfile.TemporaryDirectory() as home,
        server.fresh() as database,
        bucket() as store,
    ):
        database.rows(_FILL, megabytes * 1_000_000 // _ROW_BYTES)
        database.rows("VACUUM ANALYZE orders")
        yield Bench(database, Path(home), store)


def to(place: Path) -> str:
    """Give what MIGRATOR_BACKUP_TO names."""
    return f"file://{place}?ephemeral=ok"


def files(place: Path, suffix: str) -> Iterator[Path]:
    """Give the files under a directory that end so."""
    return place.rglob(f"*{suffix}")


def directory(made: Bench, rounds: int) -> list[str]:
    """Measure backups to a directory; gives the rows of a table."""
    ours, naive = made.home / "ours", made.home / "naive"
    ours.mkdir()
    naive.mkdir()
    copy = f"cp {{file}} {naive}/naive.dump && sync {naive}/naive.dump"
    pairs = [(made.naive(copy), made.ours(to(ours))) for _ in range(rounds)]
    dump = next(files(ours, ".dump"))
    sizes = ((naive / "naive.dump").stat().st_size, dump.stat().st_size)
    proven = [made.ours(to(ours), MIGRATOR_BACKUP_VERIFY="restore")]
    return [
        *_rows("directory", pairs, sizes),
        _row("directory", "ours, proven by a restore too", proven, sizes[1], _median(pairs, 1)),
    ]


def uploaded(made: Bench, rounds: int) -> list[str]:
    """Measure backups to a bucket; gives the rows of a table."""
    script = made.home / "upload.py"
    script.write_text(_UPLOAD)
    copy = f"{sys.executable} {script} {{file}} {made.bucket.name}"
    pairs = [(made.naive(copy), made.ours(made.bucket.url)) for _ in range(rounds)]
    found = made.bucket.client.list_objects_v2(Bucket=made.bucket.name)["Contents"]
    by_name = {each["Key"]: each["Size"] for each in found}
    ours = next(size for name, size in by_name.items() if "/" in name and name.endswith(".dump"))
    return _rows("bucket", pairs, (by_name["naive.dump"], ours))


def _rows(place: str, pairs: list[tuple[Cost, Cost]], sizes: tuple[int, int]) -> list[str]:
    ours = _median(pairs, 1)
    return [
        _row(place, "`pg_dump -Fc`, then a copy", [each for each, _ in pairs], sizes[0], ours),
        _row(place, "ours, until it is proven", [each for _, each in pairs], sizes[1], ours),
    ]


def _median(pairs: list[tuple[Cost, Cost]], which: int) -> float:
    return statistics.median(pair[which].wall_s for pair in pairs)


def _row(place: str, what: str, costs: list[Cost], size: int, ours_s: float) -> str:
    wall_s = statistics.median(each.wall_s for each in costs)
    cpu_s = statistics.median(each.cpu_s for each in costs)
    peak = max(each.peak_bytes for each in costs)
    return (
        f"| {place} | {what} | {wall_s:.1f} s | {cpu_s:.1f} s | {peak / 1e6:.0f} MB |"
        f" {size / 1e6:.0f} MB | {wall_s / ours_s:.2f} |"
    )


def restored(made: Bench, server: Server) -> list[str]:
    """Measure a restore of our dump by pg_restore alone; gives the rows of a table."""
    dump = next(files(made.home / "ours", ".dump"))
    rows = []
    for jobs in (1, 2):
        with server.fresh() as target:
            line = [f"{PROGRAMS}/pg_restore", f"--jobs={jobs}", f"--dbname={target.url}", str(dump)]
            took = cost(line, made.environment(), made.home)
        rows.append(f"| `pg_restore --jobs={jobs}` into a new database | {took.wall_s:.1f} s |")
    return rows


def _machine(server: str, pg_dump: str) -> str:
    return (
        f"{os.cpu_count()} cores, {platform.system()} on {platform.machine()}, Python"
        f" {platform.python_version()}, Postgres {server}, pg_dump {pg_dump}; load"
        f" {os.getloadavg()[0]:.0f} at the end"
    )


def page(server: Server, megabytes: int, rounds: int) -> str:
    """Measure everything and give the page."""
    with bench(server, megabytes) as made:
        [(size, rows)] = made.database.rows(
            "SELECT pg_size_pretty(pg_table_size('orders')), count(*) FROM orders"
        )
        table = [*directory(made, rounds), *uploaded(made, rounds)]
        restore = restored(made, server)
        told = json.loads(next(files(made.home / "ours", ".json")).read_text())
    return TEXT.format(
        rounds=rounds,
        machine=_machine(told["server_version"], told["pg_dump_version"]),
        size=size,
        rows=rows,
        table="\n".join(table),
        restore="\n".join(restore),
        compression=COMPRESSION[told["compression"]],
    )


def main() -> None:
    """Measure, and write the page."""
    told = [int(each) for each in sys.argv[1:]]
    megabytes, rounds = [*told, *(DEFAULT_MB, DEFAULT_ROUNDS)[len(told) :]]
    if given := os.environ.get("TEST_DATABASE_URL"):
        print(page(Server(given), megabytes, rounds))
    else:
        with own_server() as server:
            PAGE.write_text(page(server, megabytes, rounds), encoding="utf-8")
        print(PAGE.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
