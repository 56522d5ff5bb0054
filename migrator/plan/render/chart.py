"""The timeline as an SVG chart: a row for each table, a bar for each lock."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from migrator.output import text
from migrator.plan.render import wording
from migrator.plan.render.timeline import of_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.plan.forecast import Forecast
    from migrator.plan.trace.trace import Lock, Revision

_CLASSES = {wording.NOTHING: "nothing", wording.WRITES: "writes", wording.ALL: "all"}
_TICKS, _TICKS_OF_A_PHONE = 40, 16
"""So many statements have their number above the chart; more would not be read."""
_NARROWEST_PX = 4
_NONE = (0, 0)
"""The ends of what has no statements."""


def escape(text: str) -> str:
    """Give a text that stays text, in an attribute too."""
    return html.escape(wording.printable(text))


def colour(lock: Lock) -> str:
    """Give the class of the style sheet for what a lock stops."""
    return _CLASSES[wording.stopped(lock)]


def style(forecast: Forecast) -> str:
    """Give the rules that place the bars: a column for each statement.

    As wide as it took where the copy had rows. They stand in the style sheet, because the page's
    policy allows no style anywhere else.
    """
    if not of_tables(forecast.trace):
        return ""
    ends = {(lock.statement, lock.until) for lock in forecast.trace.locks}
    ends |= {_ends(revision, forecast) for revision in forecast.trace.revisions}
    ends |= {(each.number, each.number) for each in forecast.trace.statements}
    ends.discard(_NONE)
    columns = " ".join(_columns(forecast))
    placed = (f".{_at(*end)} {{ grid-column: {end[0]} / {end[1] + 1}; }}" for end in sorted(ends))
    tracks = f".track {{ grid-template-columns: {columns}; }}"
    return "\n".join((tracks, *placed, *_beyond(forecast)))


def _beyond(forecast: Forecast) -> Iterator[str]:
    """Give the rules of the labels: from the bar's begin to the right, or its end to the left."""
    for number in range(1, len(forecast.trace.statements) + 1):
        yield f".from-{number} {{ grid-column: {number} / -1; }}"
        yield f".to-{number} {{ grid-column: 1 / {number + 1}; }}"


def _columns(forecast: Forecast) -> Iterator[str]:
    statements = forecast.trace.statements
    total = sum(one.duration_s for one in statements)
    real = forecast.rehearsal is not None and forecast.rehearsal.with_data and total > 0
    for statement in statements:
        share = statement.duration_s / total * len(statements) if real else 1.0
        yield f"minmax({_NARROWEST_PX}px, {share:.3f}fr)"


def timeline(forecast: Forecast) -> Iterator[str]:
    """Give the section, where there are locks."""
    tables = of_tables(forecast.trace)
    if not tables:
        return
    rows = [_row(table, locks, forecast) for table, locks in tables.items()]
    inside = "\n".join((_head(forecast), *rows))
    yield (
        f"<section><h2>Locks on tables in use</h2>\n{_legend()}\n"
        f'<div class="sheet timeline">{inside}</div></section>'
    )


def _legend() -> str:
    told = (f'<li><i class="{_CLASSES[what]}"></i>stops {what}</li>' for what in _CLASSES)
    return f'<ul class="legend">{"".join(told)}</ul>'


def _head(forecast: Forecast) -> str:
    revisions = [_step(one, forecast) for one in forecast.trace.revisions]
    numbers = [each.number for each in forecast.trace.statements]
    ticks = [f'<a class="tick {_at(n, n)}" href="#statement-{n}">{n}</a>' for n in numbers]
    lanes = _lane(*revisions) + (_lane(*ticks) if len(ticks) <= _TICKS else "")
    many = " many" if len(ticks) > _TICKS_OF_A_PHONE else ""
    return f'<div class="head{many}"><div class="name">statement</div><div>{lanes}</div></div>'


def _lane(*items: str) -> str:
    return f'<div class="track">{"".join(items)}</div>'


def _step(revision: Revision, forecast: Forecast) -> str:
    begin, end = _ends(revision, forecast)
    if (begin, end) == _NONE:
        return ""
    name = escape(revision.revision)
    return f'<div class="step {_at(begin, end)}" title="{name}">{name}</div>'


def _ends(revision: Revision, forecast: Forecast) -> tuple[int, int]:
    """Give the numbers of its first and last statement."""
    numbers = [one.number for one in forecast.trace.of(revision.revision)]
    return (min(numbers), max(numbers)) if numbers else _NONE


def _row(table: str, locks: tuple[Lock, ...], forecast: Forecast) -> str:
    size = escape(wording.size(forecast.conditions.tables.get(table)))
    bars = "".join(_bar(lock, len(forecast.trace.statements)) for lock in locks)
    name = f'<div class="name"><code>{escape(table)}</code><span>{size}</span></div>'
    return f'<div class="row">{name}<div>{bars}</div></div>'


def _bar(lock: Lock, statements: int) -> str:
    late = lock.until > statements - lock.statement + 1
    side = f"late to-{lock.until}" if late else f"from-{lock.statement}"
    stops = f"stops <b>{wording.stopped(lock)}</b>"
    held = f"{wording.during(lock)}, {text.duration(lock.held_s)}"
    return _lane(
        f'<div class="bar {colour(lock)} {_at(lock.statement, lock.until)}"></div>',
        f'<div class="label {side}">{escape(lock.mode)}, {stops}, {held}</div>',
    )


def _at(begin: int, end: int) -> str:
    return f"at-{begin}-{end}"
