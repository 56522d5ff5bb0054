"""Runs `migrator run` in this process and prints what its parts took, in milliseconds.

It must find nothing to do.

To be run by its path in the folder of a project. Parts are found by the names of functions; one
that is not there any more counts with the rest. What it loads itself is what Python has loaded.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

WATCHED = {
    "hashing settings, environment and what is installed": ("migrator.migrate.run", "key_of"),
    "hashing the project's files": ("migrator.project.fingerprint", "contents"),
}
CONNECTING, QUERIES, NUMBER = "connecting", "queries", "number of queries"
IMPORTS, ALL = "imports", "in all"


def timed(taken: dict[str, float], part: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Give the function, whose time is counted for a part."""

    def call(*arguments: object, **named: object) -> object:
        began = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            taken[part] = taken.get(part, 0) + 1000 * (time.perf_counter() - began)

    return call


def watch(taken: dict[str, float]) -> None:
    """Count the time of each watched function, of connecting and of each query."""
    for part, (module, name) in WATCHED.items():
        place = import_module(module)
        if hasattr(place, name):
            setattr(place, name, timed(taken, part, getattr(place, name)))
    psycopg2: Any = import_module("psycopg2")
    connect = timed(taken, CONNECTING, psycopg2.connect)

    class Cursor(psycopg2.extensions.cursor):  # type: ignore[misc] # imported by its name
        def execute(self, *arguments: Any) -> None:  # noqa: ANN401 - as psycopg2's
            taken[NUMBER] = taken.get(NUMBER, 0) + 1
            timed(taken, QUERIES, super().execute)(*arguments)

    psycopg2.connect = lambda *a, **named: connect(*a, **{"cursor_factory": Cursor, **named})


def main() -> None:
    """Run it with its log thrown away, up to where it ends the process."""
    gc.disable()  # as the command does
    began = time.perf_counter()
    door = import_module("migrator.__main__")
    for module in ("process.boundary", "migrate.run"):
        import_module(f"migrator.{module}")
    taken = {IMPORTS: 1000 * (time.perf_counter() - began)}
    watch(taken)
    out = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.argv, leave = ["migrator", "run"], os._exit

    def ended(code: int) -> None:
        taken[ALL] = 1000 * (time.perf_counter() - began)
        os.write(out, import_module("json").dumps(taken).encode())
        leave(code)

    os._exit = ended  # type: ignore[assignment] # where a run that found nothing to do ends
    began = time.perf_counter()
    door.main()


if __name__ == "__main__":
    main()
