"""The git repository of a project: which files are new since a reference."""

from __future__ import annotations

import re
import shutil
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.errors import ConfigurationError, UsageError
from migrator.process.program import Child

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOR_GIT = ("HOME", "PATH", "XDG_CONFIG_HOME")


def new_files(reference: str, folder: Path, environ: Mapping[str, str]) -> frozenset[Path]:
    """Give the files that are in the repository's working tree and not in the reference.

    Those that git ignores do not count, those that nobody has added yet do. `folder` is somewhere
    in the repository. Raises `UsageError` where git does not know the reference or no repository,
    `ConfigurationError` where there is no git.
    """
    if reference.startswith("-"):
        raise UsageError(f"--since: {reference} is no reference of git.")
    root = Path(_said(folder, environ, "rev-parse", "--show-toplevel").rstrip("\n"))
    there = _said(root, environ, "ls-tree", "-r", "-z", "--full-tree", "--name-only", reference)
    here = _said(root, environ, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = {*here.split("\0")} - {*there.split("\0")}
    return frozenset((root / name).resolve() for name in names if name)


def _said(folder: Path, environ: Mapping[str, str], *command: str) -> str:
    """Give what git prints."""
    git = shutil.which("git", path=environ.get("PATH"))
    if git is None:
        raise ConfigurationError("--since asks git, and there is none on the PATH.")
    complaints: list[str] = []
    line = [git, "-C", str(folder), *command]
    with closing(Child(line, _environment(environ), complaints.append)) as child:
        printed = b"".join(iter(child.read, b""))
        code = child.wait()
    if code != 0:
        told = "; ".join(complaints) or f"git ended with {code}"
        raise UsageError(
            f"--since: {told.rstrip('.')}.",
            hint="A checkout for CI is often shallow: fetch the reference first.",
        )
    return printed.decode(errors="surrogateescape")


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    kept = {k: v for k, v in environ.items() if k in _FOR_GIT or k.startswith("GIT_")}
    return {**kept, "LC_ALL": "C"}


def introduced(revision: str, folder: Path, environ: Mapping[str, str]) -> str | None:
    """Give the commit that brought the file of a revision, in words; None where git has none.

    Looks through all branches that are known here.
    """
    named = f"revision = ['\"]{re.escape(revision)}['\"]|revision: str = ['\"]{re.escape(revision)}"
    look = ("log", "--all", "--reverse", "--format=%h (%ad, %an: %s)", "--date=short", "-E")
    try:
        told = _said(folder, environ, *look, "-G", named, "--", ".")
    except (ConfigurationError, UsageError):
        return None
    return told.partition("\n")[0] or None
