"""The result of `migrator check`, one line for each check."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from migrator.output.text import counted
from migrator.rehearsal.roundtrip import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.errors import MigratorError

NAMES = ("chain", "heads", "environment", "upgrade", "models", "downgrade", "hazards")
"""Every check there is, in the order they are made."""
_FOUND = 3
_MARKS = {"passed": "✓", "failed": "✗", "skipped": "-"}
_INDENT = 2 + max(map(len, NAMES)) + 2


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the list."""

    check: str
    """One of `NAMES`."""
    state: str
    """`passed`, `failed` or `skipped`."""
    message: str
    findings: tuple[Finding, ...] = ()

    def lines(self) -> Iterator[str]:
        """Give it for a person, its findings below it."""
        yield f"{_MARKS[self.state]} {self.check:<{_INDENT - 2}}{self.message}"
        for finding in self.findings:
            yield from (" " * _INDENT + line for line in finding.lines())


def judged(check: str, message: str, findings: tuple[Finding, ...]) -> Check:
    """Give a check that has passed where nothing was found."""
    return Check(check, "failed" if findings else "passed", message, findings)


def skipped(check: str, why: str) -> Check:
    """Give a check that was not made."""
    return Check(check, "skipped", why)


@dataclass(frozen=True, slots=True)
class Checklist:
    """All checks; an answer."""

    checks: tuple[Check, ...]
    new: tuple[str, ...] | None = None
    """The revisions that are new since the reference; None where none was given."""
    broken: MigratorError | None = None
    """Why the rest could not be looked at."""

    @property
    def exit_code(self) -> int:
        """0 where all is well, 3 where something was found, 66 where the project is broken."""
        if self.broken:
            return self.broken.exit_code
        return _FOUND if self._found else 0

    @property
    def _found(self) -> int:
        return sum(len(check.findings) for check in self.checks)

    def fields(self) -> dict[str, Any]:
        """Give it under the names of `--json`."""
        return {
            "ok": self.exit_code == 0,
            "checks": [asdict(check) for check in self.checks],
            "new": self.new,
            "error": self.broken.fields() if self.broken else None,
        }

    def __str__(self) -> str:
        """Give it for a person, and in the last line what it comes to."""
        return "\n".join([line for check in self.checks for line in check.lines()] + [self._sum])

    @property
    def _sum(self) -> str:
        if self.broken:
            return "The project is broken."
        count = self._found
        return f"{counted(count, 'finding')}." if count else "Nothing was found."


def complete(checks: list[Check], broken: MigratorError, new: tuple[str, ...] | None) -> Checklist:
    """Give the list of a project that is broken: an error came in the midst of the next check."""
    finding = Finding(broken.message, hint=broken.hint)
    failed = Check(NAMES[len(checks)], "failed", "The project is broken.", (finding,))
    rest = [skipped(name, "Not reached.") for name in NAMES[len(checks) + 1 :]]
    return Checklist((*checks, failed, *rest), new, broken)
