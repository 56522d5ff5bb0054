"""The parts of a run that finds nothing to do, in time and in memory."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.bench import FLOOR, MIGRATOR, Command, bench
from benchmarks.memory import PSYCOPG2, PYTHON
from benchmarks.parts import imports, phases
from benchmarks.section import mb, table

if TYPE_CHECKING:
    from benchmarks.bench import Bench, Extent
    from benchmarks.server import Server

_RUNS = 15
_BESIDES, _REST, _ALL = "Python starts and ends", "what else is done", "in all"
_TIME = """\
A run of {length:,} revisions that finds nothing to do, measured inside the process: medians of
{runs} runs, so that they do not add up to the last digit. Imports are divided as `-X importtime`
tells. To compare: an empty Python {python:.1f} ms, the floor {floor:.1f} ms.

{table}"""
_MEMORY = """\
The peak memory of processes that each go a step further.

{table}"""


def of_time(server: Server, extent: Extent) -> str:
    """Measure what the time of a no-op goes into, the first time and later."""
    with bench(server, extent.usual) as made:
        python, floor = made.medians(extent, Command(PYTHON), Command(FLOOR))
        shares = imports.shares(made)
        later, first = (_parts(made, shares, before) for before in ("true", made.forgetting()))
    names = [name for name in {**first, **later} if name not in (phases.NUMBER, _ALL)]
    rows = [[name, _cell(later, name), _cell(first, name)] for name in (*names, _ALL)]
    header = ("part", "`migrator run`", "the first time")
    return _TIME.format(
        length=extent.usual, runs=_RUNS, python=python, floor=floor, table=table(header, rows)
    )


def of_memory(server: Server, extent: Extent) -> str:
    """Measure what the memory of a no-op goes into."""
    steps = {
        "Python": PYTHON,
        "and psycopg2": PSYCOPG2,
        "and migrator's modules": f'{sys.executable} -c "{imports.OURS}"',
        "and the run": MIGRATOR,
    }
    with bench(server, extent.usual) as made:
        made.once(MIGRATOR)
        rows = [[name, mb(made.peak(line).megabytes)] for name, line in steps.items()]
        made.once(made.forgetting())
        rows.append(["the run, the first time", mb(made.peak(MIGRATOR).megabytes)])
    return _MEMORY.format(table=table(("process", "peak"), rows))


def _parts(made: Bench, shares: dict[str, float], before: str) -> dict[str, float]:
    """Give the median of each part of so many runs, in milliseconds."""
    _once(made)
    found = []
    for _ in range(_RUNS):
        made.once(before)
        found.append(_once(made))
    taken = {name: statistics.median(each.get(name, 0) for each in found) for name in found[-1]}
    imported = taken.pop(phases.IMPORTS)
    modules = {f"importing {group}": share * imported for group, share in shares.items()}
    return {_BESIDES: taken.pop(_BESIDES), **modules, **taken}


def _once(made: Bench) -> dict[str, float]:
    """Run it once in a process that watches itself; gives the parts in milliseconds."""
    line = [sys.executable, str(Path(phases.__file__))]
    began = time.perf_counter()
    ended = subprocess.run(
        line, cwd=made.folder, env=made.environment(), check=True, capture_output=True
    )
    whole = 1000 * (time.perf_counter() - began)
    found: dict[str, float] = json.loads(ended.stdout)
    number, inside = found.get(phases.NUMBER, 0), found.pop(phases.ALL)
    known = sum(found.values()) - number - found[phases.IMPORTS]
    besides = whole - inside - found[phases.IMPORTS]
    return {_BESIDES: besides, **found, _REST: inside - known, _ALL: whole}


def _cell(parts: dict[str, float], name: str) -> str:
    if name not in parts:
        return "-"
    number = f", {parts[phases.NUMBER]:.0f} of them" if name == phases.QUERIES else ""
    return f"{parts[name]:.1f} ms{number}"
