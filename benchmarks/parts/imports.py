"""What importing takes, by whose the modules are."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.bench import Bench

OURS = "import gc; gc.disable(); import migrator.process.boundary, migrator.migrate.run"
_GROUPS = {
    "psycopg2": "psycopg2",
    "structlog": "structlog",
    "migrator": "migrator's own modules",
}
_PYTHONS = "modules of Python's own library"


def shares(made: Bench) -> dict[str, float]:
    """Give the share of each group of modules, as `-X importtime` tells; together they are 1."""
    started = set(_modules(made, "pass"))
    found: dict[str, float] = defaultdict(float)
    for name, microseconds in _modules(made, OURS).items():
        if name not in started:
            found[_GROUPS.get(name.partition(".")[0], _PYTHONS)] += microseconds
    whole = sum(found.values())
    return {group: taken / whole for group, taken in found.items()}


def _modules(made: Bench, code: str) -> dict[str, int]:
    """Give the microseconds that each module took by itself."""
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code],
        cwd=made.folder,
        env=made.environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    rows = [line.split(":", 1)[1].split("|") for line in ended.stderr.splitlines() if "|" in line]
    return {name.strip(): int(own) for own, _, name in rows if own.strip().isdigit()}
