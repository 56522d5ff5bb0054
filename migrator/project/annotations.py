"""Comments `# migrator: …` in revision files and in modules that define models.

`# migrator: allow <hazard> because …` accepts a hazard; `# migrator: needs backfill <name>` keeps
a revision from being applied before that backfill is complete.
"""

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

NO_DOWNGRADE = "no-downgrade"
"""As in `# migrator: allow no-downgrade because …`."""
_ALLOW = re.compile(
    r"^\s*#\s*migrator:\s*allow\s+(?P<hazard>[\w-]+)\s+because\s+(?P<reason>\S.*?)\s*$",
    re.MULTILINE,
)
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


def allowed(path: str) -> dict[str, str]:
    """Give the hazards that the author of a file accepts, with the reasons."""
    return {found["hazard"]: found["reason"] for found in _ALLOW.finditer(_text(path))}


def pending_needs(plan: MigrationPlan) -> tuple[Need, ...]:
    """Give the needs of the pending revisions, in their order."""
    return tuple(_of_the_pending(plan))


def all_needs(project: Project) -> tuple[Need, ...]:
    """Give the needs of all revisions of a project."""
    scripts = project.script.walk_revisions()
    return tuple(need for each in scripts for need in _needs(each, _folder(project.script), None))


def backfill_folders(projects: Iterable[Project]) -> tuple[Path, ...]:
    """Give where the backfills of these projects are, if there are any, each folder once."""
    return tuple(dict.fromkeys(_folder(each.script).resolve() for each in projects))


def _folder(script: ScriptDirectory) -> Path:
    return Path(script.dir) / _FOLDER


def _of_the_pending(plan: MigrationPlan) -> Iterator[Need]:
    for path in plan.paths:
        before = None
        for revision in path.pending:
            script = path.script.get_revision(revision)
            yield from _needs(script, _folder(path.script), before)
            before = revision


def _needs(script: Script, folder: Path, before: str | None) -> Iterator[Need]:
    for found in _NEEDS.finditer(_text(script.path)):
        yield Need(script.revision, found["name"], folder, before)


def _text(path: str) -> str:
    with suppress(OSError, UnicodeDecodeError):  # compiled only
        return Path(path).read_text(encoding="utf-8")
    return ""
