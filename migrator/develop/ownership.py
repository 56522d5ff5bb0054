"""Tell which revisions `migrator watch` wrote and may rewrite.

Its last line marks such a file, with a checksum of what stands above. What somebody edited, or git
has, is not its own any more.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.errors import ConfigurationError, UsageError
from migrator.process.git import new_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from alembic.script import Script

    from migrator.project.find import Project

_MARK = re.compile(rb"# migrator: watch makes this file anew .* \((?P<sum>[0-9a-f]{16})\)\n\Z")
_TOLD = b"# migrator: watch makes this file anew until it is committed or edited (%s)\n"


def mark(path: Path) -> None:
    """Make a revision file one that may be made anew."""
    text = path.read_bytes()
    path.write_bytes(text + _TOLD % _sum(text))


def is_intact(path: Path) -> bool:
    """Tell whether a file is as it was when it was marked."""
    text = path.read_bytes()
    found = _MARK.search(text)
    return found is not None and found["sum"] == _sum(text[: found.start()])


def own(project: Project, environ: Mapping[str, str]) -> tuple[Script, ...]:
    """Give the newest revisions, as far as they may be made anew, from the head downwards."""
    try:
        new = new_files("HEAD", Path(project.script.dir), environ)
    except (ConfigurationError, UsageError):  # no git, no repository, or no commit
        new = None
    return tuple(_from_the_head(project, new))


def _from_the_head(project: Project, new: frozenset[Path] | None) -> Iterator[Script]:
    heads = project.script.get_heads()
    revision: object = heads[0] if len(heads) == 1 else None
    while isinstance(revision, str):
        script = project.script.get_revision(revision)
        path = Path(script.path).resolve()
        if not is_intact(path) or (new is not None and path not in new):
            return
        yield script
        revision = script.down_revision


def _sum(text: bytes) -> bytes:
    return blake2b(text, digest_size=8).hexdigest().encode()
