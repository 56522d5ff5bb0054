"""Where Python looks for a module before it looks in its own library.

A file of the project's may stand there under a library's name, and be imported in its place.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.outline.doubt import DoubtError

if TYPE_CHECKING:
    from collections.abc import Iterable

_LIBRARIES = frozenset(
    "alembic async_timeout asyncpg click greenlet importlib_metadata importlib_resources mako"
    " markupsafe psycopg psycopg2 psycopg_binary psycopg_c sqlalchemy structlog tenacity tomli"
    " typing_extensions tzdata".split()
)
"""What Alembic, SQLAlchemy, the drivers and this program may import, besides Python's own."""
_SUFFIXES = (".py", ".pyc", ".so", ".pyd")


def check(prepended: Iterable[str]) -> None:
    """See that no library is hidden, with these folders put in front of the search path.

    Raises `DoubtError` where one is, or may be.
    """
    own = str(Path(os.__file__).parent)
    if own not in sys.path:
        raise DoubtError("Python's own library is not on the search path")
    for folder in prepended:
        _check(folder or os.curdir, _LIBRARIES)
    for folder in sys.path[: sys.path.index(own)]:
        _check(folder or os.curdir, frozenset() if _is_installation(folder) else _LIBRARIES)


def _check(folder: str, libraries: frozenset[str]) -> None:
    try:
        with os.scandir(folder) as entries:
            hiding = [entry.name for entry in entries if _hides(entry, libraries)]
    except FileNotFoundError:
        return
    if hiding:
        raise DoubtError(f"{hiding[0]} in {folder} may hide a library")


def _hides(entry: os.DirEntry[str], libraries: frozenset[str]) -> bool:
    name, dot, _ = entry.name.partition(".")
    if name not in sys.stdlib_module_names and name not in libraries:
        return False
    if dot:
        return entry.name.endswith(_SUFFIXES)
    return entry.is_dir() and any(n.startswith("__init__.") for n in os.listdir(entry.path))  # noqa: PTH208 - names


def _is_installation(folder: str) -> bool:
    """Tell whether packages are installed here: a library in it is the library itself."""
    return any(Path(folder).glob("*.dist-info"))
