"""What is installed: a change of it may change what a project's code does."""

from __future__ import annotations

import os
import sys

from migrator import __version__

_INFO = (".dist-info", ".egg-info")


def state() -> bytes:
    """Give the versions of Python and of this program, and each package with when it was put there.

    Python runs with what is on its search path; a package that is installed anew, even in the
    same version, has a new folder there.
    """
    told = [sys.version, __version__]
    for folder in sys.path:
        told.append(folder)
        told += _packages(folder)
    return repr(told).encode()


def _packages(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(
                f"{entry.name} {entry.stat().st_mtime_ns}"
                for entry in entries
                if entry.name.endswith(_INFO)
            )
    except OSError:
        return []
