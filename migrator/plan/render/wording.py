"""The sentences of a forecast, the same on a terminal, in a comment and on a page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.output import text
from migrator.output.text import counted, named
from migrator.plan.hazards.hazard import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.plan.forecast import Forecast
    from migrator.plan.hazards.hazard import Hazard
    from migrator.plan.target import Obstacle, Table
    from migrator.plan.trace.trace import Failure, Lock, Revision, Statement

NOTHING, WRITES, ALL = "nothing", "writes", "reads and writes"
_WITHOUT_ROWS = "So the times say nothing about your data: --with-data copies that too."
_WITHOUT_TARGET = (
    "There was no target: how large its tables are, how busy they are, and how long a statement"
    " takes there, is not known."
)


def sentence(forecast: Forecast) -> str:
    """Give the verdict in a sentence."""
    failure = forecast.trace.failure
    if failure:
        return line(f"The rehearsal failed{_in(failure)}.")
    if not forecast.pending:
        return line(f"Nothing is pending: the database is at {named(forecast.current)}.")
    return f"{_extent(forecast)}: {_found(forecast)}."


def _in(failure: Failure) -> str:
    return f" in revision {failure.revision}" if failure.revision else ""


def _extent(forecast: Forecast) -> str:
    statements = counted(len(forecast.trace.statements), "statement")
    return f"{counted(len(forecast.pending), 'revision')}, {statements}"


def _found(forecast: Forecast) -> str:
    open_levels = [hazard.level for hazard in forecast.hazards if hazard.allowed is None]
    told = [
        counted(open_levels.count(level), word)
        for level, word in (("danger", "danger"), ("caution", "caution"))
        if level in open_levels
    ]
    allowed = len(forecast.hazards) - len(open_levels)
    told += [f"{allowed} allowed"] if allowed else []
    return ", ".join(told) or "no hazard was found"


def above(forecast: Forecast, limit: str | None) -> str | None:
    """Say that the verdict is above the limit, where it is."""
    if not forecast.exceeds(limit):
        return None
    return f"This is above the limit: MIGRATOR_MAX_RISK is {limit}."


def way(forecast: Forecast) -> str:
    """Say from where to where."""
    return line(f"{named(forecast.current)} → {named(forecast.head)}")


def rehearsed(forecast: Forecast) -> Iterator[str]:
    """Say where the revisions were run, and what is not known for that."""
    where = forecast.rehearsal
    if where is None:
        return
    server = f"({where.on}, Postgres {where.server_version})"
    if not forecast.conditions.known:
        yield line(f"Rehearsed on an empty database {server}, each revision as a release.")
        yield _WITHOUT_TARGET
        return
    yield line(f"Rehearsed on a copy {'with all' if where.with_data else 'without'} rows {server}.")
    if not where.with_data:
        yield _WITHOUT_ROWS
        if forecast.trace.failure:
            yield "What fails only because rows are missing would succeed in a run."


def stopped(lock: Lock) -> str:
    """Give what of an app waits for the lock: `nothing`, `writes` or `reads and writes`."""
    if "SELECT" in lock.stops:
        return ALL
    return WRITES if lock.stops else NOTHING


def size(table: Table | None) -> str:
    """Give the rows and bytes of a table, as far as they are known."""
    if table is None:
        return "size not known"
    rows = "never analyzed" if table.rows is None else text.rows(table.rows)
    return f"{rows}, {text.readable(table.size_bytes)}"


def traffic(table: Table) -> str:
    """Give how busy a table is."""
    if table.reads_per_s is None or table.writes_per_s is None:
        return "traffic not known"
    return f"{table.reads_per_s:,.1f} reads/s, {table.writes_per_s:,.1f} rows written/s"


def during(lock: Lock) -> str:
    """Give the statements that a lock is held during."""
    if lock.until == lock.statement:
        return f"statement {lock.statement}"
    return f"statements {lock.statement} to {lock.until}"


def ended(revision: Revision, forecast: Forecast) -> str:
    """Say how long a revision took, or why it has not come to its end."""
    if revision.duration_s is not None:
        return text.duration(revision.duration_s)
    failure = forecast.trace.failure
    return "failed" if failure and failure.revision == revision.revision else "not reached"


def place(statement: Statement) -> str:
    """Give the file and the line of a statement, as far as they are known."""
    if statement.file is None:
        return ""
    file = line(statement.file)
    return f"{file}:{statement.line}" if statement.line else file


def effects(statement: Statement) -> Iterator[str]:
    """Say what it did to whole tables."""
    yield from (f"rewrites {line(table)}" for table in statement.rewritten)
    yield from (f"reads all of {line(table)}" for table in statement.scanned)
    yield from (f"changes rows of {line(table)}" for table in statement.written)


def ranked(forecast: Forecast) -> list[Hazard]:
    """Give the hazards, the worst first, and what is allowed last."""
    return sorted(forecast.hazards, key=lambda h: (h.allowed is not None, -LEVELS.index(h.level)))


def source(hazard: Hazard, forecast: Forecast) -> str:
    """Give where a hazard comes from: its revision, and the statement's number and place."""
    told = [line(hazard.revision)]
    if hazard.statement is not None:
        here = forecast.trace.statements[hazard.statement - 1]
        told += [f"statement {here.number}", place(here)]
    return ", ".join(filter(None, told))


def waiting(obstacle: Obstacle) -> str:
    """Say who has a transaction open, for how long, and what it holds."""
    who = line(obstacle.application_name) or "a session"
    told = f"{who} (pid {obstacle.pid}), in its transaction for "
    told += text.duration(obstacle.transaction_s)
    told += f", has locked {line(', '.join(obstacle.tables))}" if obstacle.tables else ""
    return told + (f": {line(obstacle.query)}" if obstacle.query else "")


def lag(forecast: Forecast) -> str | None:
    """Say how far the replicas are behind, where there are any."""
    behind_s = forecast.conditions.replication_lag_s
    return None if behind_s is None else f"A replica is {text.duration(behind_s)} behind."


def printable(text: str) -> str:
    """Give a text without what a terminal might obey, its lines as they are."""
    return "".join(c for c in text if c.isprintable() or c in "\n\t")


def line(text: str, width: int | None = None) -> str:
    """Give a text in one line, without what a terminal might obey, cut off where it is longer."""
    told = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return told if width is None or len(told) <= width else told[: width - 1] + "…"
