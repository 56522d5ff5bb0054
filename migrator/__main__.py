"""The front door: a plain `migrator run` goes through before click has been loaded.

Most runs find nothing to do, and are over in less time than that would take.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, NoReturn

from migrator import answer, settings
from migrator.boundary import own_stdout, perform

if TYPE_CHECKING:
    from collections.abc import Sequence


def main() -> NoReturn:
    """Run the command line and end the process with an exit code of the contract."""
    flags = plain(sys.argv[1:])
    if flags is None:
        from migrator import cli  # noqa: PLC0415 - click

        cli.main()
    gc.disable()  # what is loaded so far stays; the job has it back
    outcome, _ = perform(answer.run, flags, os.environ, own_stdout())
    if "alembic" in sys.modules:
        sys.exit(outcome.exit_code)
    sys.stderr.flush()
    os._exit(outcome.exit_code)  # nothing of the project ran, so nothing waits for the exit


def plain(line: Sequence[str]) -> dict[str, str | None] | None:
    """Give the flags of a run that needs no reading, or None where click has to read the line."""
    names = {settings.flag(row.name): row.name for row in settings.rows() if row.name != "x"}
    found: dict[str, str | None] = {}
    words = iter(line[1:] if line[:1] == ["run"] else line)
    for word in words:
        flag, given, value = word.partition("=")
        said = value if given else next(words, "-")
        if flag not in names or names[flag] in found or said.startswith("-"):
            return None
        found[names[flag]] = said
    return found


if __name__ == "__main__":
    main()
