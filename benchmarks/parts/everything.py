"""The parts of a run that applies a whole history, as its own log tells, beside Alembic's."""

from __future__ import annotations

import json
import statistics
import subprocess
import time
from datetime import datetime
from typing import TYPE_CHECKING

from benchmarks.bench import ALEMBIC, MIGRATOR, Command, bench
from benchmarks.section import table

if TYPE_CHECKING:
    from benchmarks.bench import Bench, Extent
    from benchmarks.server import Server

_RUNS = 5
_STEPS = {
    "run.started": "Python starts and imports",
    "database.connected": "connects",
    "project.loaded": "imports Alembic, and runs env.py to see what is pending",
    "lock.acquired": "takes the lock",
    "plan.made": "looks again",
    "revision.started": "runs env.py, up to the first revision",
    "upgrade.verified": "runs the revisions, commits, proves them on a fresh connection",
    "lock.released": "writes the ledger, and lets go of the lock",
    "run.finished": "ends the report",
}
"""What is done until the first line of the log with this event."""
_EXIT = "the process ends"
_TEXT = """\
A run of a whole history: what it does until the lines of its log. Then Alembic's, of which the
rest is what it takes more than with nothing pending. Medians of {runs}.

{table}"""


def of_time(server: Server, extent: Extent) -> str:
    """Measure what the time of a full run goes into."""
    lengths = (min(extent.lengths), extent.usual)
    columns = [_column(server, extent, length) for length in lengths]
    rows = [[name, *(f"{parts.get(name, 0):.1f} ms" for parts in columns)] for name in columns[0]]
    header = ("part", *(f"{length:,} revisions" for length in lengths))
    return _TEXT.format(runs=_RUNS, table=table(header, rows))


def _column(server: Server, extent: Extent, length: int) -> dict[str, float]:
    """Give the median of each part, in milliseconds."""
    with bench(server, length) as made:
        nothing = made.medians(extent, Command(ALEMBIC))[0]
        found = [_parts(made) for _ in range(_RUNS)]
        alembic = statistics.median(_alembic(made) for _ in range(_RUNS))
    parts = {name: statistics.median(each[name] for each in found) for name in found[0]}
    return {
        **parts,
        "in all": sum(parts.values()),
        "Alembic's, with nothing pending": nothing,
        "Alembic's, the rest": alembic - nothing,
    }


def _parts(made: Bench) -> dict[str, float]:
    """Run it once and give what it did between the lines of its log, in milliseconds."""
    made.once(made.renewing())
    began = time.time()
    ended = subprocess.run(
        MIGRATOR.split(), cwd=made.folder, env=made.environment(), check=True, capture_output=True
    )
    over = time.time()
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    stamps = {
        line["event"]: datetime.fromisoformat(line["timestamp"]).timestamp()
        for line in reversed(lines)
    }
    parts, before = {}, began
    for event, what in _STEPS.items():
        after = stamps.get(event, before)
        parts[f"{what} (`{event}`)"], before = 1000 * (after - before), after
    return {**parts, _EXIT: 1000 * (over - before)}


def _alembic(made: Bench) -> float:
    made.once(made.renewing())
    return 1000 * made.peak(ALEMBIC).seconds
