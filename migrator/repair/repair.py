"""`migrator repair`: show what is broken, ask, and fix it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migrator.database.lock.run_lock import linked, run_lock
from migrator.errors import BusyError, UnprovenError
from migrator.ledger.record import recording
from migrator.output import log
from migrator.output.report import Journal
from migrator.repair.diagnose import diagnose

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from migrator.database.connection import Server
    from migrator.repair.diagnose import Diagnosis, Mend
    from migrator.settings.table import Settings

_MOVED = "The database has moved since it was looked at."


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was mended; an answer."""

    mended: tuple[Mend, ...]
    advice: tuple[str, ...]
    """What is not healthy either, and could not be mended here."""
    warnings: tuple[str, ...] = ()

    @property
    def exit_code(self) -> int:
        """0, or 76 where something is left."""
        return UnprovenError.exit_code if self.advice else 0

    def fields(self) -> dict[str, Any]:
        """Give it under the names of the documentation."""
        return {
            "mended": [mend.fields() for mend in self.mended],
            "advice": self.advice,
            "warnings": self.warnings,
        }

    def __str__(self) -> str:
        """Give it for a person."""
        lines = [f"mended   {mend.what}" for mend in self.mended]
        lines += [f"left     {advice}" for advice in self.advice]
        lines += [f"warning  {warning}" for warning in self.warnings]
        return "\n".join(lines) or "Nothing is broken, and there is nothing to repair."


def repair(
    settings: Settings, consent: Callable[[str], None], environ: Mapping[str, str]
) -> Repaired:
    """Find what is broken, say what will be done, do it behind the lock, and prove it.

    `consent` is asked with what will be done, and raises `UsageError` where it may not be.
    Raises `BusyError` where another run is at work, `UnprovenError` where a mend did not help.
    """
    with linked(settings) as link:
        found = diagnose(settings, link.server, environ)
        if not found.mends:
            return Repaired((), found.advice)
        told = "\n".join(map(str, found.mends))
        mends = [mend.fields() for mend in found.mends]
        log.emit(log.Event.PLAN_MADE, f"Going to mend:\n{told}", mends=mends)
        consent(f"{told}\nDo that?")
        with run_lock(link, found.tables):
            if found.moved(link.server):
                raise BusyError(_MOVED, hint="Nothing was mended; look again.")
            warnings = _mended(found, link.server)
    return Repaired(found.mends, found.advice, warnings)


def _mended(found: Diagnosis, server: Server) -> tuple[str, ...]:
    """Do it, and enter it into the ledger; gives what kept it from being entered."""
    journal = Journal(id=log.run_id_of_lines())
    journal.planned(found.standing, found.wanted)
    with recording(server, journal, {}, "repair"):
        journal.changing()
        for mend in found.mends:
            mend.act()
        if left := [mend.what for mend in found.mends if not mend.helped()]:
            raise UnprovenError(f"It did not help: {'; '.join(left)}", hint="migrator status")
        journal.concluded((), None, "migrated", None)
    return tuple(journal.remarks)
