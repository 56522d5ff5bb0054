"""Large histories: what grows with the number of revisions, and how fast."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from benchmarks.bench import ALEMBIC, MIGRATOR, Spent, bench
from benchmarks.goals import LARGE, Goal
from benchmarks.section import Section, mb, ms, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench import Bench, Extent
    from benchmarks.server import Server

    Figures = dict[str, tuple[Spent, Spent]]
    """Of Alembic's run and of ours, by what was pending."""

TITLE = "Large histories"
NOTHING, FIRST, ALL = "nothing", "nothing, the first time", "everything"
_RUNS = {NOTHING: "A no-op", FIRST: "A first no-op", ALL: "A full run"}
_TRIES = 3
_TEXT = """\
Time and peak memory: of one run where everything is pending, else the least of {tries}. Each
revision makes a table with two indexes, and all are made in one transaction.

{figures}

What each further revision costs, and how much more ours take for how many times the revisions:

{growth}"""
_FIGURES = ("revisions", "pending", "`alembic upgrade head`", "", "`migrator run`", "")
_GROWTH = (
    *("revisions", "pending", "`alembic upgrade head`", "", "`migrator run`", ""),
    *("its time grows", "its memory grows"),
)


def measure(server: Server, extent: Extent) -> Section:
    """Measure the longest histories."""
    measured = {n: _figures(server, n) for n in (*extent.lengths[-2:], extent.large)}
    goals: list[Goal] = []
    growth = [
        row
        for fewer, more in pairwise(measured)
        for what in measured[fewer]
        for row in [_growth(fewer, more, what, measured, goals)]
    ]
    figures = [row for length, found in measured.items() for row in _rows(length, found)]
    text = _TEXT.format(
        tries=_TRIES, figures=table(_FIGURES, figures), growth=table(_GROWTH, growth)
    )
    return Section(TITLE, text, tuple(goals))


def _figures(server: Server, length: int) -> Figures:
    with bench(server, length) as made:
        alembic = _least(made, ALEMBIC)
        first = _least(made, MIGRATOR, made.forgetting())
        found = {NOTHING: (alembic, _least(made, MIGRATOR)), FIRST: (alembic, first)}
        all_of_it = [_least(made, line, made.renewing(), 1) for line in (ALEMBIC, MIGRATOR)]
        return {**found, ALL: (all_of_it[0], all_of_it[1])}


def _least(made: Bench, line: str, before: str = "true", tries: int = _TRIES) -> Spent:
    """Give the least of each figure, which is the one that others disturbed least."""
    taken = []
    for _ in range(tries):
        made.once(before)
        taken.append(made.peak(line))
    return Spent(min(each.seconds for each in taken), min(each.megabytes for each in taken))


def _rows(length: int, found: Figures) -> Iterator[list[str]]:
    for what, both in found.items():
        cells = [cell for each in both for cell in (ms(1000 * each.seconds), mb(each.megabytes))]
        yield [f"{length:,}", what, *cells]


def _growth(
    fewer: int, more: int, what: str, measured: dict[int, Figures], goals: list[Goal]
) -> list[str]:
    pairs = list(zip(measured[fewer][what], measured[more][what], strict=True))
    times = f"{fewer:,} to {more:,}"
    grown = []
    for name, few, many in zip(("time", "memory"), *pairs[1], strict=True):
        said = f"{_RUNS[what]}, {name}, from {times} revisions"
        grown.append(Goal(LARGE, said, more / fewer, many / few, " times", 1))
    goals += grown
    return [
        *(times, what),
        *(cell for pair in pairs for cell in _further(more - fewer, *pair)),
        *(goal.cell for goal in grown),
    ]


def _further(revisions: int, few: Spent, many: Spent) -> tuple[str, str]:
    seconds, megabytes = many.seconds - few.seconds, many.megabytes - few.megabytes
    return f"{1000 * seconds / revisions:.3f} ms", f"{1024 * megabytes / revisions:.2f} KB"
