"""The front door: a plain `migrator run` goes through before click has been loaded.

Most runs find nothing to do, and are over in less time than that would take.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from migrator import answer
from migrator.process.boundary import own_stdout, perform
from migrator.settings import table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


_SETTINGS = tuple(row.name for row in table.rows() if row.name != "x")


def main() -> NoReturn:
    """Run the command line and end the process with an exit code of the contract."""
    work = plain(sys.argv[1:])
    if work is None:
        from migrator import cli  # noqa: PLC0415 - click

        cli.main()
    gc.disable()  # what is loaded so far stays; the job has it back
    code = work()
    if "alembic" in sys.modules:
        sys.exit(code)
    sys.stderr.flush()
    os._exit(code)  # nothing of the project ran, so nothing waits for the exit


def plain(words: Sequence[str]) -> Callable[[], int] | None:
    """Give what a line asks for that needs no reading, or None where click has to read it."""
    if words[:1] == ["status"]:
        return _status(list(words[1:]))
    if words[:1] == ["wait"]:
        return _wait(list(words[1:]))
    found = flags(words[1:] if words[:1] == ["run"] else words)
    return None if found is None else partial(_run, found)


def flags(words: Sequence[str], *besides: str) -> dict[str, str | None] | None:
    """Give the flags by their names, those of settings and these besides, or None as `plain`."""
    names = {table.flag(name): name for name in (*_SETTINGS, *besides)}
    found: dict[str, str | None] = {}
    rest = iter(words)
    for word in rest:
        flag, given, value = word.partition("=")
        said = value if given else next(rest, "-")
        if flag not in names or names[flag] in found or said.startswith("-"):
            return None
        found[names[flag]] = said
    return found


def _run(found: dict[str, str | None]) -> int:
    outcome, _ = perform(answer.run, found, os.environ, own_stdout())
    return outcome.exit_code


_OF_STATUS = {"as_json": "json", "codes": "exit-code", "drift": "drift"}


def _status(words: list[str]) -> Callable[[], int] | None:
    said = _last_of(words, "--json", "--exit-code", "--drift")
    if (found := flags(words)) is None:
        return None
    from migrator import questions  # noqa: PLC0415 - a run asks none

    asked = {name: f"--{flag}" in said for name, flag in _OF_STATUS.items()}
    return partial(questions.status, found, **asked)


def _wait(words: list[str]) -> Callable[[], int] | None:
    said = _last_of(words, "--json")
    found = flags(words, "timeout")
    from migrator import questions  # noqa: PLC0415 - as above

    with suppress(ValueError):  # click says what is wrong with it
        if found is not None:
            seconds = questions.timeout(found.pop("timeout", None) or questions.TIMEOUT)
            return partial(questions.wait, found, as_json=bool(said), timeout_s=seconds)
    return None


def _last_of(words: list[str], *alone: str) -> set[str]:
    """Take the flags without a value off the end of a line, and give them."""
    said = set()
    while words and words[-1] in alone:
        said.add(words.pop())
    return said


if __name__ == "__main__":
    main()
