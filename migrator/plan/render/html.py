"""A forecast as one HTML file, without scripts and without external resources."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

from migrator.output import text
from migrator.plan.render import chart, wording
from migrator.plan.render.chart import escape
from migrator.plan.render.timeline import of_tables, strongest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.plan.forecast import Forecast
    from migrator.plan.hazards.hazard import Hazard
    from migrator.plan.target import Table
    from migrator.plan.trace.trace import Lock, Revision, Statement

_OF_THIS_PACKAGE = files("migrator.plan.render")


def html(forecast: Forecast, *, limit: str | None = None) -> str:
    """Give the forecast as a page; `limit` is what MIGRATOR_MAX_RISK says.

    Its policy allows this one style sheet and nothing else: what was not escaped would not run.
    """
    style = _OF_THIS_PACKAGE.joinpath("page.css").read_text("utf-8") + chart.style(forecast)
    sections = (*_hazards(forecast), *chart.timeline(forecast), *_tables(forecast))
    return Template(_OF_THIS_PACKAGE.joinpath("page.html").read_text("utf-8")).substitute(
        verdict=escape(forecast.verdict),
        sentence=escape(wording.sentence(forecast)),
        way=escape(wording.way(forecast)),
        notes="\n".join(_notes(forecast, limit)),
        sections="\n".join((*sections, *_around(forecast), *_revisions(forecast))),
        style=style,
        hash="sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


def _notes(forecast: Forecast, limit: str | None) -> Iterator[str]:
    failure = forecast.trace.failure
    if failure:
        told = failure.error["message"] or ""
        told += f"\nHint: {failure.error['hint']}" if failure.error["hint"] else ""
        yield f"<pre>{escape(told)}</pre>"
    if above := wording.above(forecast, limit):
        yield f'<p class="limit">{escape(above)}</p>'
    if rehearsed := " ".join(wording.rehearsed(forecast)):
        yield f'<p class="soft">{escape(rehearsed)}</p>'


def _hazards(forecast: Forecast) -> Iterator[str]:
    if not forecast.hazards:
        return
    told = (_hazard(hazard, forecast) for hazard in wording.ranked(forecast))
    yield "<section><h2>Hazards</h2>\n" + "\n".join(told) + "</section>"


def _hazard(hazard: Hazard, forecast: Forecast) -> str:
    level = hazard.level if hazard.allowed is None else "allowed"
    where = escape(wording.source(hazard, forecast))
    if hazard.statement is not None:
        where = f'<a href="#statement-{hazard.statement}">{where}</a>'
    told = [
        f'<p><span class="badge">{level}</span><strong>{escape(hazard.reason)}</strong></p>',
        f'<p class="soft"><code>{escape(hazard.code)}</code>, {where}</p>',
        *_advice(hazard),
    ]
    return f'<article class="sheet hazard {level}">{"".join(told)}</article>'


def _advice(hazard: Hazard) -> Iterator[str]:
    if hazard.allowed is not None:
        yield f"<p>Accepted because {escape(hazard.allowed)}</p>"
        return
    yield f"<p>Instead: {escape(hazard.instead)}</p>"
    if hazard.example:
        code = f"<pre>{escape(hazard.example.strip())}</pre>"
        yield f"<details><summary>The safer way, in code</summary>{code}</details>"


def _tables(forecast: Forecast) -> Iterator[str]:
    found = forecast.conditions.tables.values()
    if not found:
        return
    locked = of_tables(forecast.trace)
    heads = ("table", "rows, size", "traffic", "strongest lock")
    rows = [_row(table, locked) for table in found]
    inside = f"{_head(heads)}<tbody>{''.join(rows)}</tbody>"
    yield _titled("Tables", f'<table class="facts">{inside}</table>')


def _head(cells: tuple[str, ...]) -> str:
    return "<thead><tr>" + "".join(f"<th>{cell}</th>" for cell in cells) + "</tr></thead>"


def _row(table: Table, locked: dict[str, tuple[Lock, ...]]) -> str:
    lock = next(iter(strongest(locked.get(table.name, ()))), None)
    told = f"{lock.mode}, stops {wording.stopped(lock)}" if lock else "none"
    cells = (escape(wording.size(table)), escape(wording.traffic(table)), escape(told))
    rest = "".join(f"<td>{cell}</td>" for cell in cells)
    return f"<tr><td><code>{escape(table.name)}</code></td>{rest}</tr>"


def _around(forecast: Forecast) -> Iterator[str]:
    told = [wording.waiting(one) for one in forecast.conditions.obstacles]
    told += filter(None, (wording.lag(forecast), *forecast.warnings))
    if told:
        items = "".join(f"<li>{escape(one)}</li>" for one in told)
        yield _titled("In the way right now", f'<ul class="plain">{items}</ul>')


def _titled(title: str, content: str) -> str:
    return f'<section><h2>{title}</h2><div class="sheet">{content}</div></section>'


def _revisions(forecast: Forecast) -> Iterator[str]:
    if not forecast.pending:
        return
    told = (_revision(revision, forecast) for revision in forecast.trace.revisions)
    yield "<section><h2>Statements</h2>\n" + "\n".join(told) + "</section>"


def _revision(revision: Revision, forecast: Forecast) -> str:
    ended = escape(wording.ended(revision, forecast))
    heading = f"<code>{escape(revision.revision)}</code> {escape(revision.title)}"
    statements = (_statement(one) for one in forecast.trace.of(revision.revision))
    told = f"<h3>{heading}<span>{ended}</span></h3>{''.join(statements)}"
    return f'<article class="sheet revision">{told}</article>'


def _statement(statement: Statement) -> str:
    lock = statement.strongest
    dot = f'<span class="dot {chart.colour(lock)}"></span>' if lock else ""
    took = text.duration(statement.duration_s)
    sql = f"<code>{statement.number}. {escape(wording.line(statement.sql, 120))}</code>"
    summary = f'<summary>{sql}{dot}<span class="soft">{took}</span></summary>'
    told = "".join(f"<p>{escape(one)}</p>" for one in _details(statement))
    return (
        f'<details id="statement-{statement.number}">{summary}'
        f"<pre>{escape(statement.sql.strip())}</pre>{told}</details>"
    )


def _details(statement: Statement) -> Iterator[str]:
    took = text.duration(statement.duration_s)
    yield ", ".join(filter(None, (wording.place(statement), took)))
    for lock in strongest(statement.locks):
        stops = f"{lock.table}: {lock.mode}, stops {wording.stopped(lock)}"
        yield f"{stops}, {wording.during(lock)}, {text.duration(lock.held_s)}"
    yield from wording.effects(statement)
