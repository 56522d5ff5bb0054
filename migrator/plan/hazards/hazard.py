"""A hazard: one thing that a release does to a database in use, and the safer way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migrator.project.annotations import NO_DOWNGRADE

if TYPE_CHECKING:
    from collections.abc import Mapping

LEVELS = ("safe", "caution", "danger")
"""The verdicts, the mildest first; a hazard is one of the last two."""


@dataclass(frozen=True, slots=True)
class Hazard:
    """A rated finding."""

    code: str
    """As in `# migrator: allow <code> because …`, and the name of its page in the documentation."""
    level: str
    """`caution` or `danger`."""
    revision: str
    statement: int | None
    """The number of the statement, where it is one."""
    table: str | None
    reason: str
    """One line: what will happen, with the figures of this target."""
    instead: str
    """The safer way, in words."""
    example: str = ""
    """Alembic code for it."""
    allowed: str | None = None
    """The reason for which the revision's author accepts it; then it does not count."""
    found_by: str = "migrator"
    """Or `squawk`."""

    @property
    def page(self) -> str:
        """Where the documentation tells of it."""
        section = self.code if self.found_by == "migrator" else self.found_by
        return f"docs/reference/hazards.md#{section}"

    def fields(self) -> dict[str, Any]:
        """Give it under the names of `plan --json`."""
        return {
            "hazard": self.code,
            "level": self.level,
            "revision": self.revision,
            "statement": self.statement,
            "table": self.table,
            "reason": self.reason,
            "instead": self.instead,
            "example": self.example,
            "page": self.page,
            "allowed": self.allowed,
            "found_by": self.found_by,
        }


def read(fields: Mapping[str, Any]) -> Hazard:
    """Give the hazard that `plan --json` has under these names."""
    said = {name: value for name, value in fields.items() if name not in {"hazard", "page"}}
    return Hazard(code=fields["hazard"], **said)


def verdict(hazards: tuple[Hazard, ...], *, fails: bool) -> str:
    """Give the verdict: the worst hazard that is not allowed; what fails is `danger`."""
    if fails:
        return "danger"
    levels = [hazard.level for hazard in hazards if hazard.allowed is None]
    return max(levels, key=LEVELS.index, default="safe")


def counts(hazard: Hazard, limit: str | None) -> bool:
    """Tell whether it is more than its author, or MIGRATOR_MAX_RISK (None is `safe`), allows.

    What has no way back is for a round trip to find, on the way down.
    """
    if hazard.code == NO_DOWNGRADE:
        return False
    return hazard.allowed is None and LEVELS.index(hazard.level) > LEVELS.index(limit or LEVELS[0])
