"""Peak memory of processes that find nothing to do."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from benchmarks.bench import ALEMBIC, FLOOR, MIGRATOR, bench
from benchmarks.goals import MEMORY, Goal
from benchmarks.native import dbmate
from benchmarks.section import Section, mb, table

if TYPE_CHECKING:
    from benchmarks.bench import Bench, Extent
    from benchmarks.server import Server

TITLE = "Memory"
_UNDER_MB = 32
PYTHON = f"{sys.executable} -c pass"
PSYCOPG2 = f'{sys.executable} -c "import psycopg2"'
_TEXT = """\
The most that a process had in memory (`ru_maxrss`, 1 MB is 1,048,576 bytes), nothing pending,
{length:,} revisions. What several processes share is counted in each.

{table}"""


def measure(server: Server, extent: Extent) -> Section:
    """Measure ours, Alembic's, and Python alone."""
    goals: list[Goal] = []
    length = extent.usual
    with bench(server, length) as made:
        rows = [
            ["`python -c pass`", _peak(made, PYTHON)],
            ["`python -c 'import psycopg2'`", _peak(made, PSYCOPG2)],
            ["the floor", _peak(made, FLOOR)],
            *_ours(made, "", goals),
            ["`alembic upgrade head`", _peak(made, ALEMBIC)],
        ]
        with dbmate(made, length) as native:
            rows += [["`dbmate migrate`", _peak(made, native)]] if native else []
    with bench(server, length, models=True) as made:
        rows += _ours(made, ", models", goals)
        rows.append(["`alembic upgrade head`, models", _peak(made, ALEMBIC)])
    text = _TEXT.format(length=length, table=table(("process", "peak"), rows))
    return Section(TITLE, text, tuple(goals))


def _ours(made: Bench, name: str, goals: list[Goal]) -> list[list[str]]:
    """Measure a first no-op, and a later one, which has a goal."""
    made.once(made.forgetting())
    at_first, later = (made.peak(MIGRATOR).megabytes for _ in range(2))
    goals.append(_goal(f"A no-op{name}, peak memory", later))
    rows = [[f"`migrator run`{name}", goals[-1].cell]]
    return [*rows, [f"`migrator run`{name}, the first time", mb(at_first)]]


def _goal(what: str, measured: float) -> Goal:
    return Goal(MEMORY, what, _UNDER_MB, measured, " MB", 1, under=True)


def _peak(made: Bench, line: str) -> str:
    return mb(made.peak(line).megabytes)
