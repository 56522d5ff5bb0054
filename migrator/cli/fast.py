"""Parse plain lines of `run`, `status` and `wait` without loading click.

Most runs find nothing to do, and are over in less time than that would take. A line with flags is
click's, but for `--json` at its end and `wait --timeout`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TIMEOUT = "10m"
"""How long `wait` waits where it is not told: as long as a Deployment in Kubernetes may take to
come up (`progressDeadlineSeconds`)."""


def plain(words: Sequence[str]) -> Callable[[], int] | None:
    """Give what a line asks for, or None where click has to read it."""
    as_json = words[-1:] == ["--json"]
    match words[:-1] if as_json else words:
        case [] | ["run"] if not as_json:
            return partial(run, {})
        case ["status"]:
            return _status(as_json=as_json)
        case ["wait"]:
            return _wait(TIMEOUT, as_json=as_json)
        case ["wait", "--timeout", given]:
            with suppress(ValueError):  # click says what is wrong with it
                return _wait(given, as_json=as_json)
    return None


def run(flags: Mapping[str, str | None]) -> int:
    """Do the job of a release; gives the exit code."""
    from migrator.migrate import run  # noqa: PLC0415 - loaded without garbage collection
    from migrator.process.boundary import own_stdout, perform  # noqa: PLC0415 - as above

    outcome, _ = perform(run.run, flags, os.environ, own_stdout())
    return outcome.exit_code


def _status(*, as_json: bool) -> Callable[[], int]:
    from migrator.cli.answer import answered  # noqa: PLC0415 - as above
    from migrator.status import status  # noqa: PLC0415 - as above

    return partial(answered, status.status, {}, as_json=as_json)


def _wait(given: str, *, as_json: bool) -> Callable[[], int]:
    from migrator.cli.answer import answered  # noqa: PLC0415 - as above
    from migrator.status import wait  # noqa: PLC0415 - as above

    question = partial(wait.wait, timeout_s=timeout(given))
    return partial(answered, question, {}, as_json=as_json)


def timeout(given: str) -> float:
    """Read how long to wait, in seconds; raises `ValueError`."""
    from migrator.settings import parse  # noqa: PLC0415 - as above

    above_zero = parse.duration_above_zero("0 would not wait: see migrator status")
    return above_zero(given or TIMEOUT)
