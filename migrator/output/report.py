"""The report of a run: collected while it runs, written once as its last line.

The journal is filled as facts become known, so that a run which dies of anything, at any
moment, still reports what it had learned.
"""

from __future__ import annotations

import json
import shlex
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrator.output.redaction import Redactor
from migrator.output.text import counted, named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrator.errors import MigratorError

TERMINATION_LOG = Path("/dev/termination-log")
TERMINATION_BYTES = 4096
"""Kubernetes keeps this much of a termination message (its docs, "Determine the reason for
Pod failure")."""


@dataclass(frozen=True, slots=True)
class Applied:
    """A revision that is in the database, and how long it took."""

    revision: str
    duration_s: float


@dataclass(slots=True)
class Journal:
    """What is known so far."""

    redactor: Redactor = field(default_factory=Redactor)
    id: str = ""
    """The run's, as in each line of its log."""
    started: float = field(default_factory=time.monotonic)
    origin: tuple[str, ...] = ()
    destination: tuple[str, ...] = ()
    applied: tuple[Applied, ...] = ()
    failed: str | None = None
    database_state: str = "unchanged"
    nothing_to_do: str | None = None
    backup: str | None = None
    database: str | None = None
    """The one that the backup is of."""
    taken_back: tuple[Applied, ...] = ()
    """The revisions that a rollback has taken back."""
    accomplished: str | None = None
    """What was done, of a command that applies no revision."""
    remarks: list[str] = field(default_factory=list)
    """Sentences about what did not decide how the run ended."""

    def planned(self, origin: tuple[str, ...], destination: tuple[str, ...]) -> None:
        """Learn where the database is and where it is to go."""
        self.origin, self.destination = origin, destination

    def nothing_pending(self, since: str = "nothing is pending") -> None:
        """Learn that there is nothing to do, and why."""
        self.nothing_to_do = f"The database is at {named(self.origin)}: {since}."

    def backed_up(self, address: str, database: str | None = None) -> None:
        """Learn where the backup is, proven and complete, and which database it is of."""
        self.backup, self.database = address, database

    def changing(self) -> None:
        """Learn that from now on only a look at the database can tell its state."""
        self.database_state = "unknown"

    def remark(self, sentence: str) -> None:
        """Learn something that a person should know, though it does not decide how the run ends."""
        self.remarks.append(sentence)

    def concluded(
        self,
        applied: tuple[Applied, ...],
        failed: str | None,
        state: str,
        error: MigratorError | None,
    ) -> None:
        """Learn what was proven; raises the error that came with it."""
        self.applied, self.failed, self.database_state = applied, failed, state
        if error is not None:
            raise error


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended; the fields of `run.finished`."""

    outcome: str
    exit_code: int
    duration_s: float
    origin: tuple[str, ...]
    destination: tuple[str, ...]
    applied: tuple[Applied, ...]
    failed: str | None
    database_state: str
    backup: str | None
    error: Mapping[str, str | None] | None
    message: str

    def fields(self) -> dict[str, Any]:
        """Give the report under the names of the contract."""
        return {
            "outcome": self.outcome,
            "exit_code": self.exit_code,
            "duration_s": self.duration_s,
            "from": list(self.origin),
            "to": list(self.destination),
            "applied": [asdict(a) for a in self.applied],
            "failed": self.failed,
            "database_state": self.database_state,
            "backup": self.backup,
            "error": dict(self.error) if self.error else None,
        }


def succeeded(journal: Journal) -> Outcome:
    """Give the outcome of a run that ended well."""
    if journal.nothing_to_do:
        return _outcome(journal, "up_to_date", 0, journal.nothing_to_do)
    if journal.accomplished:
        return _outcome(journal, "migrated", 0, journal.accomplished)
    count, verb = len(journal.applied), "Migrated"
    if journal.taken_back:
        count, verb = len(journal.taken_back), "Rolled back"
    message = (
        f"{verb} {named(journal.origin)} → {named(journal.destination)}: "
        f"{counted(count, 'revision')} in {_elapsed(journal):.2f} s."
    )
    return _outcome(journal, "migrated", 0, message)


def failed(journal: Journal, error: MigratorError) -> Outcome:
    """Give the outcome of a run that ended with this error."""
    state = journal.database_state.replace("_", " ")
    lines = [error.message, f"Database: {state}. Exit code {error.exit_code}."]
    hint = " ".join(filter(None, (error.hint, _way_back(journal))))
    if hint:
        lines.insert(1, f"Hint: {hint}")
    refused_late = error.outcome == "refused" and journal.database_state != "unchanged"
    outcome = "failed" if refused_late else error.outcome
    return _outcome(
        journal,
        outcome,
        error.exit_code,
        "\n".join(lines),
        {**error.fields(), "hint": hint or None},
    )


def _way_back(journal: Journal) -> str | None:
    """Give the command that undoes a run.

    That is for a person to decide: what the app has written since would be gone too.
    """
    left = journal.database_state in {"partially_migrated", "unknown"}
    if not (left and journal.backup and journal.database):
        return None
    over = shlex.quote(journal.database)
    command = f"migrator restore {shlex.quote(journal.backup)} --over {over}"
    return f"The backup of before this run would come back by: {command}"


def write(report: Mapping[str, Any], file: Path | None, environ: Mapping[str, str]) -> list[str]:
    """Write the report where it was asked for and where Kubernetes looks for it.

    Gives a sentence for each place that could not be written; the run's result stands.
    """
    complaints = []
    if file is not None:
        complaints += _attempt(file, json.dumps(report, ensure_ascii=False, indent=2) + "\n")
    if "KUBERNETES_SERVICE_HOST" in environ and TERMINATION_LOG.exists():
        complaints += _attempt(TERMINATION_LOG, shortened(report, TERMINATION_BYTES))
    return complaints


def shortened(report: Mapping[str, Any], limit: int) -> str:
    """Give the report as JSON of at most `limit` bytes: revisions go first, then long texts."""
    text = _encoded(report)
    if len(text.encode()) <= limit:
        return text
    short = {**report, "applied": report["applied"][-10:]}
    for length in (1000, 300, 100, 30):
        text = _encoded(_clipped(short, length))
        if len(text.encode()) <= limit:
            break
    return text


def _outcome(
    journal: Journal,
    outcome: str,
    exit_code: int,
    message: str,
    error: Mapping[str, str | None] | None = None,
) -> Outcome:
    return Outcome(
        outcome=outcome,
        exit_code=exit_code,
        duration_s=round(_elapsed(journal), 3),
        origin=journal.origin,
        destination=journal.destination,
        applied=journal.applied,
        failed=journal.failed,
        database_state=journal.database_state,
        backup=journal.backup,
        error=error,
        message="\n".join((message, *journal.remarks)),
    )


def _elapsed(journal: Journal) -> float:
    return time.monotonic() - journal.started


def _encoded(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def _clipped(value: Any, length: int) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str) and len(value) > length:
        return value[: length - 1] + "…"
    if isinstance(value, dict):
        return {k: _clipped(v, length) for k, v in value.items()}
    if isinstance(value, list):
        return [_clipped(v, length) for v in value[-10:]]
    return value


def _attempt(path: Path, text: str) -> list[str]:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        return [f"The report could not be written to {path}: {error.strerror}."]
    return []
