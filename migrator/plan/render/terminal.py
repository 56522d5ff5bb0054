"""A forecast as text for a terminal, the verdict first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.output.console import BOLD, DIM, GREEN, RED, YELLOW, Console
from migrator.output.text import duration
from migrator.plan.render import wording
from migrator.plan.render.timeline import of_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.plan.forecast import Forecast
    from migrator.plan.hazards.hazard import Hazard
    from migrator.plan.trace.trace import Lock, Revision, Statement

_COLOURS = {"safe": GREEN, "caution": YELLOW, "danger": RED, "allowed": DIM}
_STOPS = {wording.NOTHING: "", wording.WRITES: YELLOW, wording.ALL: RED}
_MARGIN = " " * 10
_SQL_WIDTH = 60
_CODE_LINES = 6
"""More of an example would hide the next hazard; the other forms have all of it."""


def text(forecast: Forecast, *, limit: str | None = None, colours: bool = False) -> str:
    """Give the forecast for a terminal; `limit` is what MIGRATOR_MAX_RISK says."""
    return "\n".join(_Picture(forecast, Console(colours=colours)).lines(limit))


class _Picture:
    def __init__(self, forecast: Forecast, console: Console) -> None:
        self._of, self._paint = forecast, console.paint
        statements = forecast.trace.statements
        self._locks = [lock for locks in of_tables(forecast.trace).values() for lock in locks]
        self._places = _width(map(wording.place, statements))
        self._tables = _width(wording.line(lock.table) for lock in self._locks)
        self._sizes = _width(map(self._size, self._locks))

    def lines(self, limit: str | None) -> Iterator[str]:
        """Give all of it."""
        yield self._labelled(self._of.verdict, wording.sentence(self._of), BOLD)
        yield from self._failed()
        if above := wording.above(self._of, limit):
            yield _MARGIN + above
        for hazard in wording.ranked(self._of):
            yield ""
            yield from self._hazard(hazard)
        for revision in self._of.trace.revisions:
            yield ""
            yield from self._revision(revision)
        yield from self._around()

    def _labelled(self, level: str, told: str, more: str = "") -> str:
        return self._paint(f"{level:<8}", more + _COLOURS[level]) + "  " + told

    def _failed(self) -> Iterator[str]:
        failure = self._of.trace.failure
        if failure is None:
            return
        told = [failure.error["message"] or ""]
        told += [f"Hint: {failure.error['hint']}"] if failure.error["hint"] else []
        for one in "\n".join(told).splitlines():
            yield _MARGIN + self._paint(wording.line(one), RED)

    def _hazard(self, hazard: Hazard) -> Iterator[str]:
        level = hazard.level if hazard.allowed is None else "allowed"
        yield self._labelled(level, wording.line(hazard.reason))
        where = wording.source(hazard, self._of)
        yield _MARGIN + self._paint(f"{wording.line(hazard.code)}, {where}", DIM)
        if hazard.allowed is not None:
            yield f"{_MARGIN}Accepted because {wording.line(hazard.allowed)}"
            return
        yield f"{_MARGIN}Instead: {wording.line(hazard.instead)}"
        code = wording.printable(hazard.example).splitlines()
        yield from (f"{_MARGIN}    {one}" for one in code[:_CODE_LINES])
        if len(code) > _CODE_LINES:
            yield f"{_MARGIN}    # {len(code) - _CODE_LINES} lines more: {hazard.page}"

    def _revision(self, revision: Revision) -> Iterator[str]:
        told = wording.ended(revision, self._of)
        name = self._paint(wording.line(revision.revision), BOLD)
        heading = "  ".join(filter(None, (name, wording.line(revision.title))))
        yield f"{heading}  {self._paint(told, DIM)}"
        for statement in self._of.trace.of(revision.revision):
            yield from self._statement(statement)

    def _statement(self, statement: Statement) -> Iterator[str]:
        sql = wording.line(statement.sql, _SQL_WIDTH)
        where = self._paint(f"{wording.place(statement):<{self._places}}", DIM)
        took = duration(statement.duration_s)
        yield f"{statement.number:>3}  {sql:<{_SQL_WIDTH}}  {where}  {took:>10}"
        for lock in self._locks:
            if lock.statement == statement.number:
                yield self._lock(lock)
        if effects := ", ".join(wording.effects(statement)):
            yield f"       {effects}"

    def _lock(self, lock: Lock) -> str:
        stopped = wording.stopped(lock)
        stops = self._paint(f"{'stops ' + stopped:<22}", _STOPS[stopped])
        table = f"{wording.line(lock.table):<{self._tables}}  {self._size(lock):<{self._sizes}}"
        held = f"{wording.during(lock)}, {duration(lock.held_s)}"
        return f"       {table}  {stops}  {lock.mode}, {held}"

    def _size(self, lock: Lock) -> str:
        return wording.size(self._of.conditions.tables.get(lock.table))

    def _around(self) -> Iterator[str]:
        obstacles = [wording.waiting(one) for one in self._of.conditions.obstacles]
        further = [
            *(["In the way right now:", *(f"  {one}" for one in obstacles)] if obstacles else []),
            *filter(None, (wording.lag(self._of),)),
            *(f"Warning: {wording.line(warning)}" for warning in self._of.warnings),
            *wording.rehearsed(self._of),
        ]
        yield from ("", *further) if further else ()


def _width(cells: Iterator[str] | map[str]) -> int:
    return max(map(len, cells), default=0)
