"""The command `migrator`, as `python -m migrator` and as the console script."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn

from migrator.cli.fast import plain


def main() -> NoReturn:
    """Run the command line and end the process with an exit code of the contract."""
    gc.disable()  # what is imported stays; a project has garbage collected again
    work = plain(sys.argv[1:])
    if work is None:
        gc.enable()
        from migrator.cli.main import main as read  # noqa: PLC0415 - click

        read()
    code = work()
    if "alembic" in sys.modules:
        sys.exit(code)
    sys.stderr.flush()
    os._exit(code)  # nothing of the project ran, so nothing waits for the exit


if __name__ == "__main__":
    main()
