"""Find pg_dump and pg_restore, their version, and which compression they support."""

from __future__ import annotations

import re
import shutil
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.errors import ClientError, MigratorError
from migrator.process import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.database.pgtools.worker import Crew

PACKAGED = Path("/usr/lib/postgresql")
"""Where Debian's packages put the programs, a folder for each major version."""
_VERSION = re.compile(r"\(PostgreSQL\) (?P<version>(?P<major>\d+)\S*)")
_ZSTD_SINCE = 16
_NOWHERE = "host=/nonexistent"
_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Programs:
    """A pg_dump and the pg_restore beside it."""

    pg_dump: str
    pg_restore: str
    version: str
    major: int
    compression: str = "gzip"
    """What this pg_dump does best: `zstd`, or `gzip` at its fastest."""


def programs_for(server_version: int, crew: Crew) -> Programs:
    """Give programs that can read a server of this `server_version_num`.

    Those of the server's own major version come first, because what newer ones say to it in a
    restore it may not understand; then those on the PATH, then the newest that are packaged.

    Raises `ClientError` where there are none, or all are older than the server: pg_dump refuses a
    newer server than itself.
    """
    wanted, seen = server_version // 10_000, []
    for path in _candidates():
        with suppress(MigratorError):
            found = _met(path, crew)
            seen += [found] if found else []
    fit = [each for each in seen if each.major >= wanted]
    if not fit:
        raise _lacking(wanted, seen)
    best = min(fit, key=lambda each: each.major != wanted)
    return replace(best, compression=_compression(best, crew))


def restorer_for(dumped_with: str, server_version: int, crew: Crew) -> str:
    """Give a pg_restore that can read what this version of pg_dump wrote.

    Of those there are the one nearest to the server: a later one may say what the server does not
    know yet. Raises `ClientError` where there is none.
    """
    wanted, server = major_of(dumped_with), server_version // 10_000
    seen = [found for path in _candidates() if (found := _met(path, crew))]
    able = [each for each in seen if each.major >= wanted]
    if able:
        return min(able, key=lambda p: abs(p.major - server)).pg_restore
    newest = max(seen, key=lambda p: p.major, default=None)
    told = (
        f"pg_restore {newest.version} cannot" if newest else "there is no pg_restore here that can"
    )
    raise ClientError(
        f"The backup was made by pg_dump {dumped_with}, and {told} read it.",
        hint=f"Install the client programs of PostgreSQL {wanted} or later (Debian:"
        f" postgresql-client-{wanted}). Nothing was restored.",
    )


def major_of(version: str) -> int:
    """Give the 15 of 15.18, of a server or of its programs."""
    return int(version.partition(".")[0])


def _compression(programs: Programs, crew: Crew) -> str:
    """Give pg_dump's best way to compress.

    Whether it was is known by trying, on a server that does not exist: what is wrong with the
    options it says before it connects.
    """
    if programs.major < _ZSTD_SINCE:
        return "gzip"
    line = [programs.pg_dump, "--compress=zstd", "--format=custom", f"--dbname={_NOWHERE}"]
    _, complaint = _ran(line, crew)
    return "gzip" if "zstd" in complaint.lower() else "zstd"


def _candidates() -> Iterator[Path]:
    """Give each pg_dump there is; not the wrapper of Debian's, which chooses another by itself."""
    found = shutil.which("pg_dump", path=environment.variables().get("PATH"))
    if found and Path(found).resolve().name.startswith("pg_dump"):
        yield Path(found)
    majors = [p for p in PACKAGED.glob("*/bin/pg_dump") if p.parts[-3].isdecimal()]
    yield from sorted(majors, key=lambda p: int(p.parts[-3]), reverse=True)


def _met(path: Path, crew: Crew) -> Programs | None:
    told, _ = _ran([str(path), "--version"], crew)
    version = _VERSION.search(told)
    restore = path.with_name("pg_restore")
    if version is None or not restore.exists():
        return None
    return Programs(str(path), str(restore), version["version"], int(version["major"]))


def _ran(line: list[str], crew: Crew) -> tuple[str, str]:
    """Run a program that ends soon; gives what it printed and what it complained of."""
    complaints: list[str] = []
    with crew.program(line, environment.for_program(), complaints.append) as child:
        printed = b"".join(iter(child.read, b""))
        child.wait(_WITHIN_S)
    return printed.decode(errors="replace"), "\n".join(complaints)


def _lacking(wanted: int, seen: list[Programs]) -> ClientError:
    hint = (
        f"Install the client programs of PostgreSQL {wanted} or later (Debian:"
        f" postgresql-client-{wanted}). migrator's own image has those that its build arguments"
        " POSTGRES_CLIENT and POSTGRES_MAJOR say. Nothing was migrated."
    )
    if not seen:
        message = "A backup needs pg_dump and pg_restore, and they are not there."
        return ClientError(message, hint=hint)
    newest = max(seen, key=lambda p: p.major)
    message = f"The server is Postgres {wanted}, and pg_dump {newest.version} cannot dump it."
    return ClientError(message, hint=hint)
