"""Runs that apply a whole history, and one that applies its last revision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.bench import ALEMBIC, MIGRATOR, Command, bench, renewal
from benchmarks.goals import EVERYTHING, Goal
from benchmarks.section import Section, ms, table

if TYPE_CHECKING:
    from benchmarks.bench import Extent
    from benchmarks.server import Server

TITLE = "Everything is pending"
_HEADER = ("revisions", "`alembic upgrade head`", "`migrator run`", "of Alembic's")
_TEXT = """\
The whole history on an empty database, where ours also makes [its ledger](ledger.md); and, as most
deploys are, the last revision alone on a database that has the others.

{table}"""
_OF_ALEMBIC = 1.05
_RUNS = {10: 5, 100: 3, 500: 2}


def measure(server: Server, extent: Extent) -> Section:
    """Measure them at each length."""
    goals: list[Goal] = []
    rows = [_whole(server, extent, length, goals) for length in extent.lengths]
    rows.append(_last(server, extent, goals))
    return Section(TITLE, _TEXT.format(table=table(_HEADER, rows)), tuple(goals))


def _whole(server: Server, extent: Extent, length: int, goals: list[Goal]) -> list[str]:
    with bench(server, length) as made:
        before = made.renewing()
        commands = [Command(ALEMBIC, before), Command(MIGRATOR, before)]
        runs = min(extent.runs, _RUNS.get(length, 1))
        taken = made.medians(extent, *commands, runs=runs)
    return _row(f"{length:,}", taken, goals)


def _last(server: Server, extent: Extent, goals: list[Goal]) -> list[str]:
    with bench(server, extent.usual, short_of=1) as made, server.fresh() as copy:
        made.once(renewal(server, copy.name, made.database.name))
        before = made.renewing(copy.name)
        commands = [Command(ALEMBIC, before), Command(MIGRATOR, before)]
        taken = made.medians(extent, *commands)
    return _row(f"the last of {extent.usual:,}", taken, goals)


def _row(name: str, taken: list[float], goals: list[Goal]) -> list[str]:
    alembic, ours = taken
    goals.append(
        Goal(
            EVERYTHING, f"A run of {name} revisions, of Alembic's time", _OF_ALEMBIC, ours / alembic
        )
    )
    return [name, ms(alembic), ms(ours), goals[-1].cell]
