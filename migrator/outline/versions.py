"""The files of the revisions, found as Alembic's `Script._list_py_dir` and `_from_path` do it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple

from migrator.outline.doubt import DoubtError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_CACHE = "__pycache__"
_OPTIMIZED = f".opt-{sys.flags.optimize}" if sys.flags.optimize else ""
_COMPILED = f".{sys.implementation.cache_tag}{_OPTIMIZED}.pyc"


class SourceFile(NamedTuple):
    """A file that Alembic loads."""

    name: str
    """Its path below the folder in which it was found."""
    path: str
    cached: bool
    """Whether something is where Python keeps what it has compiled of the file."""


def files(folders: Iterable[Path], *, recursive: bool) -> list[SourceFile]:
    """Give the revisions' files in these folders, in order.

    Raises `DoubtError` for what Alembic may take for a revision, and what is not a plain file.
    """
    found = {
        file.path: file
        for folder in {os.path.realpath(folder) for folder in folders}
        for file in _files(folder, "", recursive=recursive)
    }
    return [found[path] for path in sorted(found)]


def source_file(path: Path) -> SourceFile:
    """Give one file that Alembic loads, such as env.py."""
    return SourceFile(path.name, str(path), path.stem + _COMPILED in _kept(str(path.parent)))


def _files(folder: str, below: str, *, recursive: bool) -> Iterator[SourceFile]:
    if folder.endswith(_CACHE) or not os.path.exists(folder):  # noqa: PTH110 - a text, from scandir
        return
    kept = _kept(folder)
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                if recursive:
                    yield from _files(entry.path, f"{below}{name}/", recursive=True)
            elif _is_revision(name):
                if not entry.is_file(follow_symlinks=False):
                    raise DoubtError(f"{entry.path} is not a plain file")
                yield SourceFile(below + name, entry.path, name[:-3] + _COMPILED in kept)


def _is_revision(name: str) -> bool:
    """Tell whether Alembic loads a file of this name: its `_only_source_rev_file`."""
    if "\n" in name:
        raise DoubtError("the name of a file has two lines")
    return name.endswith(".py") and not name.startswith((".#", "__init__"))


def _kept(folder: str) -> frozenset[str]:
    """Give the names of what Python has compiled of the files of a folder."""
    if sys.pycache_prefix:
        raise DoubtError("Python keeps what it compiles somewhere else")
    try:
        return frozenset(os.listdir(f"{folder}/{_CACHE}"))  # noqa: PTH208 - the names are wanted
    except (FileNotFoundError, NotADirectoryError):
        return frozenset()
