"""Runs that find nothing to do: what a restart costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.bench import ALEMBIC, FLOOR, MIGRATOR, Command, bench
from benchmarks.goals import NOTHING, Goal
from benchmarks.history import MODELS, without_bytecode
from benchmarks.native import dbmate, program
from benchmarks.section import Section, ms, table

if TYPE_CHECKING:
    from benchmarks.bench import Bench, Extent
    from benchmarks.server import Server

TITLE = "Nothing is pending"
LATER, FIRST, ALEMBICS = "A no-op", "A first no-op", "Alembic's time"
_HEADER = (
    *("revisions", "`alembic upgrade head`", "`migrator run`", "of Alembic's", "of the floor"),
    *("the first time", "of Alembic's", "of the floor", "`dbmate migrate`"),
)
_HEADER_UNREAD = (
    *("revisions", "`alembic upgrade head`", "`migrator run`", "of Alembic's"),
    *("the first time", "of Alembic's"),
)
_TEXT = """\
What a restart costs. The floor is a Python that imports psycopg2, connects and reads the version
table. The first time is a run of files that [the ledger](ledger.md#the-cache) does not know, as
after a deploy, and runs the project; every later one is answered from there. The row with models is
a project whose env.py imports an application's, {models} modules of them.
A run loads structlog, its logging pipeline, whether or not there is something to do: 20 to 30 ms,
and some 50 ms more where rich is installed, which structlog imports then.
{missing}
{read}

Without bytecode is a container that may not write: Alembic compiles every revision anew.

{unread}"""
_UNREAD_OF_ALEMBIC = 0.15
_OF_ALEMBIC = {10: 0.30, 500: 0.25}
_FIRST_OF_ALEMBIC = 1.10
_OF_FLOOR = {500: 2.0}


@dataclass(frozen=True)
class Row:
    """A project that is measured, and the goals that were measured on it."""

    length: int
    models: bool
    goals: list[Goal]

    @property
    def name(self) -> str:
        """Give it for the first column."""
        return f"{self.length:,}, models" if self.models else f"{self.length:,}"

    def cell(self, what: str, of: str, measured: float, at_most: float | None) -> str:
        """Give a ratio for the table, with its goal if it has one."""
        if at_most is None:
            return f"{measured:.2f}"
        self.goals.append(Goal(NOTHING, f"{what} at {self.name}, of {of}", at_most, measured))
        return self.goals[-1].cell


def measure(server: Server, extent: Extent) -> Section:
    """Measure them at each length."""
    goals: list[Goal] = []
    read, unread = [], []
    for length, models in [*((n, False) for n in extent.lengths), (extent.usual, True)]:
        row = Row(length, models, goals)
        with bench(server, length, models=models) as made:
            read.append([row.name, *_with_bytecode(made, extent, row)])
            without_bytecode(made.folder)
            unread.append([row.name, *_without_bytecode(made, extent, row)])
    text = _TEXT.format(
        models=MODELS,
        missing="\n".join(filter(None, ["", program()[1]])),
        read=table(_HEADER, read),
        unread=table(_HEADER_UNREAD, unread),
    )
    return Section(TITLE, text, tuple(goals))


def _with_bytecode(made: Bench, extent: Extent, of: Row) -> list[str]:
    with dbmate(made, of.length) as native:
        commands = [Command(ALEMBIC), _first(made), Command(MIGRATOR), Command(FLOOR)]
        commands += [Command(native)] if native else []
        alembic, first, ours, floor, *theirs = made.medians(extent, *commands)
    return [
        ms(alembic),
        ms(ours),
        of.cell(LATER, ALEMBICS, ours / alembic, _OF_ALEMBIC.get(of.length)),
        of.cell(LATER, "the floor's time", ours / floor, _OF_FLOOR.get(of.length)),
        ms(first),
        of.cell(FIRST, ALEMBICS, first / alembic, _FIRST_OF_ALEMBIC),
        f"{first / floor:.2f}",
        ms(theirs[0]) if theirs else "-",
    ]


def _without_bytecode(made: Bench, extent: Extent, of: Row) -> list[str]:
    commands = [Command(ALEMBIC), _first(made), Command(MIGRATOR)]
    alembic, first, ours = made.medians(extent, *commands, PYTHONDONTWRITEBYTECODE="1")
    told = f"{ALEMBICS} without bytecode"
    return [
        ms(alembic),
        ms(ours),
        of.cell(LATER, told, ours / alembic, _UNREAD_OF_ALEMBIC),
        ms(first),
        of.cell(FIRST, told, first / alembic, _FIRST_OF_ALEMBIC),
    ]


def _first(made: Bench) -> Command:
    return Command(MIGRATOR, before=made.forgetting())
