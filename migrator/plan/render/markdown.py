"""A forecast as Markdown, for a comment on a pull request."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from migrator.output import text
from migrator.plan.render import wording
from migrator.plan.render.timeline import of_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from migrator.plan.forecast import Forecast
    from migrator.plan.hazards.hazard import Hazard
    from migrator.plan.trace.trace import Lock, Revision, Statement

MARKER = "<!-- migrator plan -->"
"""The first line, invisible, by which a pipeline finds the comment that it is to update."""
LONGEST = 60_000
"""Characters. GitHub takes 65,536 of them (its API, "body is too long")."""
_SIGNS = {"safe": "🟢", "caution": "🟡", "danger": "🔴", "allowed": "⚪"}
_SPECIAL = re.compile(r"[\\`*\[\]<>&|~#!@$]|(?<!\w)_|_(?!\w)")


def markdown(forecast: Forecast, *, limit: str | None = None) -> str:
    """Give the forecast as a comment; `limit` is what MIGRATOR_MAX_RISK says."""
    parts = [*_head(forecast, limit), *_hazards(forecast), *_locks(forecast), *_around(forecast)]
    return "\n\n".join(_within(parts, forecast))


def _within(parts: list[str], forecast: Forecast) -> Iterator[str]:
    """Give the parts, and of the statements as many as there is room for."""
    room = LONGEST
    for part in (*parts, *_revisions(forecast)):
        room -= len(part) + 2
        if room < 0:
            yield "_The rest is left out here, because it is too long for a comment._"
            return
        yield part


def _head(forecast: Forecast, limit: str | None) -> Iterator[str]:
    verdict = forecast.verdict
    yield f"{MARKER}\n### {_SIGNS[verdict]} migrator plan: {verdict}"
    yield f"**{escaped(wording.sentence(forecast))}** {escaped(wording.way(forecast))}"
    if above := wording.above(forecast, limit):
        yield f"**{escaped(above)}**"
    failure = forecast.trace.failure
    if failure:
        yield fenced(failure.error["message"] or "", "text")
        if failure.error["hint"]:
            yield escaped(failure.error["hint"])


def _hazards(forecast: Forecast) -> Iterator[str]:
    if forecast.hazards:
        yield "#### Hazards"
    yield from ("\n".join(_hazard(hazard, forecast)) for hazard in wording.ranked(forecast))


def _hazard(hazard: Hazard, forecast: Forecast) -> Iterator[str]:
    level = hazard.level if hazard.allowed is None else "allowed"
    where = escaped(wording.source(hazard, forecast))
    yield f"- {_SIGNS[level]} **{level}: {escaped(hazard.reason)}** ({_code(hazard.code)}, {where})"
    if hazard.allowed is not None:
        yield f"  Accepted because {escaped(hazard.allowed)}"
        return
    yield f"  Instead: {escaped(hazard.instead)}"
    if hazard.example:
        block = _indented(fenced(hazard.example, "python"))
        yield f"\n  <details><summary>The safer way</summary>\n\n{block}\n\n  </details>"


def _locks(forecast: Forecast) -> Iterator[str]:
    tables = of_tables(forecast.trace)
    if not tables:
        return
    yield "#### Locks"
    rows = [_lock(lock, forecast) for locks in tables.values() for lock in locks]
    header = ("table", "rows, size", "stops", "lock", "held during")
    yield "\n".join(_table(header, rows))


def _lock(lock: Lock, forecast: Forecast) -> tuple[str, ...]:
    stopped = wording.stopped(lock)
    return (
        _code(lock.table),
        escaped(wording.size(forecast.conditions.tables.get(lock.table))),
        stopped if stopped == wording.NOTHING else f"**{stopped}**",
        _code(lock.mode),
        f"{wording.during(lock)}, {text.duration(lock.held_s)}",
    )


def _table(header: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for cells in (header, ("---",) * len(header), *rows):
        yield f"| {' | '.join(cells)} |"


def _around(forecast: Forecast) -> Iterator[str]:
    waiting = map(wording.waiting, forecast.conditions.obstacles)
    told = [f"In the way right now: {one}" for one in waiting]
    told += filter(None, (wording.lag(forecast),))
    told += [f"Warning: {warning}" for warning in forecast.warnings]
    if told:
        yield "\n".join(f"- {escaped(one)}" for one in told)
    if rehearsed := " ".join(wording.rehearsed(forecast)):
        yield f"<sub>{escaped(rehearsed)}</sub>"


def _revisions(forecast: Forecast) -> Iterator[str]:
    for revision in forecast.trace.revisions:
        statements = forecast.trace.of(revision.revision)
        if statements:
            yield "\n\n".join(_revision(revision, statements))


def _revision(revision: Revision, statements: tuple[Statement, ...]) -> Iterator[str]:
    title = f"{_code(revision.revision)} {escaped(revision.title)}"
    count = text.counted(len(statements), "statement")
    yield f"<details><summary>{title} ({count})</summary>"
    for statement in statements:
        took = text.duration(statement.duration_s)
        told = "; ".join((took, *wording.effects(statement)))
        yield f"{statement.number}\\. {escaped(wording.place(statement))} ({escaped(told)})"
        yield fenced(statement.sql, "sql")
    yield "</details>"


def escaped(text: str) -> str:
    """Give a text in one line that Markdown and HTML leave as it is, in a table too."""
    return _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", wording.line(text))


def fenced(code: str, language: str) -> str:
    """Give code in a fence that nothing in it can close."""
    told = wording.printable(code).strip("\n")
    longest = max((len(run) for run in re.findall(r"`+", told)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{told}\n{fence}"


def _code(text: str) -> str:
    return f"<code>{escaped(text)}</code>"


def _indented(block: str) -> str:
    return "\n".join(f"  {line}" if line else "" for line in block.splitlines())
