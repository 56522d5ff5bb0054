"""`migrator history`: the runs in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migrator.database.connection import connect
from migrator.ledger import runs as ledger
from migrator.output.text import named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from migrator.settings.table import Settings

_NONE = "There is no ledger here: no run has had anything to do, or this role may not read it."
_HEADER = ("started (UTC)", "command", "outcome", "took", "revisions", "by")
_OF_A_COMMIT = 8


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of a ledger, newest first; an answer."""

    runs: tuple[Mapping[str, Any], ...]
    more: bool
    """Whether there are older ones."""
    exit_code: int = 0

    def fields(self) -> dict[str, Any]:
        """Give them under the names that scripts rely on."""
        return {"runs": list(self.runs), "more": self.more}

    def __str__(self) -> str:
        """Give them for a person, as a table; under a run what it failed with."""
        return "\n".join(self._lines()) if self.runs else _NONE

    def _lines(self) -> Iterator[str]:
        rows = [_cells(run) for run in self.runs]
        widths = [max(map(len, column)) for column in zip(_HEADER, *rows, strict=True)]
        yield _line(_HEADER, widths)
        for run, row in zip(self.runs, rows, strict=True):
            yield _line(row, widths)
            if run["error"]:
                yield f"  {run['error']['message']}".replace("\n", "\n  ")
            if run["backup"]:
                yield f"  backup: {run['backup']}"
        if self.more:
            yield f"Older runs are left out: --limit {10 * len(self.runs)} shows more of them."


def runs(settings: Settings, limit: int) -> Runs:
    """Give the newest so many runs of the ledger.

    Raises `DisagreementError` where the ledger is not one that this version can read, and
    `UnreachableError`, `DeniedError` or `ConfigurationError` where the database cannot be asked.
    """
    with connect(settings.database_url, settings.connect_timeout) as server:
        found = ledger.runs(server.connection, limit + 1)
    return Runs(tuple(found[:limit]), more=len(found) > limit)


def _cells(run: Mapping[str, Any]) -> tuple[str, ...]:
    done = f"{len(run['applied'])} applied"
    done = f"{len(run['taken_back'])} taken back" if run["taken_back"] else done
    code = f" ({run['exit_code']})" if run["exit_code"] else ""
    commit = (run["git_revision"] or "")[:_OF_A_COMMIT]
    return (
        run["started_at"][:19].replace("T", " "),
        run["command"],
        run["outcome"] + code,
        f"{run['duration_s']:.2f} s",
        f"{named(run['from'])} → {named(run['to'])}, {done}",
        "  ".join(filter(None, (run["client"], run["deployment"], commit))),
    )


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(map(str.ljust, cells, widths)).rstrip()
