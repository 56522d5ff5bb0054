"""What a pending revision needs beforehand: `# migrator: needs backfill <name>` in its file."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from alembic.script import Script, ScriptDirectory

    from migrator.project.find import Project
    from migrator.project.plan import MigrationPlan

_NEEDS = re.compile(
    r"^[ \t]*#[ \t]*migrator:[ \t]*needs[ \t]+backfill[ \t]+(?P<name>\S+)[ \t]*$", re.MULTILINE
)
_FOLDER = "backfills"


@dataclass(frozen=True, slots=True)
class Need:
    """A revision, and a backfill that must be complete before it is applied."""

    revision: str
    backfill: str
    folder: Path
    """Where the backfills of its project are."""
    before: str | None
    """The pending revision before it, up to which a run may go; None where there is none."""


def folder(script: ScriptDirectory) -> Path:
    """Give where the backfills of a project are, whether there are any or not."""
    return Path(script.dir) / _FOLDER


def folders(projects: Iterable[Project]) -> tuple[Path, ...]:
    """Give where the backfills of these projects are, each once."""
    return tuple(dict.fromkeys(folder(each.script).resolve() for each in projects))


def declared(plan: MigrationPlan) -> tuple[Need, ...]:
    """Give the needs of the pending revisions, in their order."""
    return tuple(_of_the_pending(plan))


def of_all(project: Project) -> tuple[Need, ...]:
    """Give the needs of all revisions of a project."""
    scripts = project.script.walk_revisions()
    return tuple(need for each in scripts for need in _of(each, folder(project.script), None))


def _of_the_pending(plan: MigrationPlan) -> Iterator[Need]:
    for path in plan.paths:
        before = None
        for revision in path.pending:
            script = path.script.get_revision(revision)
            yield from _of(script, folder(path.script), before)
            before = revision


def _of(script: Script, place: Path, before: str | None) -> Iterator[Need]:
    with suppress(OSError, UnicodeDecodeError):  # compiled only
        text = Path(script.path).read_text(encoding="utf-8")
        for found in _NEEDS.finditer(text):
            yield Need(script.revision, found["name"], place, before)
