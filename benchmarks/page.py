"""The page: the goals and the sections of one run, and what is behind the goals not met."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import container, crowd, everything, large, memory, nothing
from benchmarks.goals import CONTAINER, EVERYTHING, MEMORY, NOTHING
from benchmarks.native import VERSION
from benchmarks.parts import everything as parts_of_everything
from benchmarks.parts import nothing as parts_of_nothing
from benchmarks.section import Section, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.bench import Extent
    from benchmarks.goals import Goal
    from benchmarks.server import Server

    Measure = Callable[[Server, Extent], Section]

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "benchmarks.md"
SECTIONS: dict[str, Measure] = {
    "nothing": nothing.measure,
    "everything": everything.measure,
    "large": large.measure,
    "memory": memory.measure,
    "container": container.measure,
    "crowd": crowd.measure,
}
GOALS, PARTS = "Goals", "What the time goes into"
HEADINGS = (
    *(GOALS, nothing.TITLE, everything.TITLE, large.TITLE, memory.TITLE, container.TITLE),
    *(crowd.TITLE, PARTS),
)
LOCKS = 1_024
_HEAD = """\
# Benchmarks

Written by `make bench`; do not edit. All of one run; times are medians, measured by hyperfine,
where nothing else is said. {machine}.

"""
"""The server has room in its table of locks for what Alembic does in one transaction."""
_BEHIND: dict[str, tuple[Callable[[Server, Extent], str], ...]] = {
    NOTHING: (parts_of_nothing.of_time,),
    EVERYTHING: (parts_of_everything.of_time,),
    MEMORY: (parts_of_nothing.of_memory,),
    CONTAINER: (parts_of_nothing.of_time,),
}


def measured(server: Server, extent: Extent, names: Sequence[str]) -> str:
    """Measure these sections; give the page of them."""
    machine = _machine()
    sections: list[Section] = []
    try:
        for name in names:
            sections.append(SECTIONS[name](server, extent))  # noqa: PERF401 - kept if one fails
    except BaseException:
        print("\n".join(map(str, sections)), file=sys.stderr)
        raise
    goals = [goal for section in sections for goal in section.goals]
    told = [
        *([Section(GOALS, summary(goals))] if goals else []),
        *sections,
        *behind(server, extent, goals),
    ]
    return _HEAD.format(machine=machine) + "\n".join(map(str, told))


def summary(goals: Sequence[Goal]) -> str:
    """Give the table of the goals."""
    rows = [[goal.what, goal.limit, goal.figure, "yes" if goal.met else "**no**"] for goal in goals]
    return table(("what", "at most", "measured", "met"), rows)


def behind(server: Server, extent: Extent, goals: Sequence[Goal]) -> list[Section]:
    """Measure the parts of what takes too much; none where every goal is met."""
    missed = {goal.about for goal in goals if not goal.met}
    wanted = {part: None for about, parts in _BEHIND.items() if about in missed for part in parts}
    if not wanted:
        return []
    return [Section(PARTS, "\n\n".join(measure(server, extent) for measure in wanted))]


def _machine() -> str:
    names = ("alembic", "sqlalchemy", "psycopg2-binary")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} cores (load {load:.1f} at the start), {platform.system()} on"
        f" {platform.machine()}, Python {platform.python_version()}, {versions}, dbmate {VERSION},"
        f" an embedded Postgres 18 over TCP, max_locks_per_transaction = {LOCKS:,}"
    )
