"""What is installed: a change of it may change what a project's code does."""

from __future__ import annotations

import os
import re
import sys
from importlib.machinery import PathFinder
from pathlib import Path

from migrator.outline.doubt import DoubtError
from migrator.version import __version__

_VERSION = re.compile(r"^__version__ = [\"'](\d+)\.(\d+)", re.MULTILINE)
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


def has(name: str) -> bool:
    """Tell whether a package is installed."""
    return PathFinder.find_spec(name) is not None


def version(name: str) -> tuple[int, int]:
    """Give the major and minor version that an installed package says it has.

    Raises `DoubtError` where it does not say.
    """
    spec = PathFinder.find_spec(name)
    source = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
    said = _VERSION.search(source)
    if not said:
        raise DoubtError(f"the version of {name} is not known")
    return int(said[1]), int(said[2])


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
