"""A command of ours in a process of its own, so that what it runs disturbs nobody else's.

env.py may change the environment, the logging and the current event loop of its process; in an
application's own process that would be the application's.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from migrator import settings
from migrator.errors import BugError, MigratorError

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENDS_WITHIN_S = 5.0
"""A run that is told to end cancels its statement, and has ended after this long."""


def ask(question: str, flags: Mapping[str, str | None]) -> Mapping[str, Any]:
    """Put a question to the command, and give the fields of its answer.

    Raises the `MigratorError` that it ended with.
    """
    ended = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "migrator", question, "--json"],
        env=_environment(flags),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        answer: dict[str, Any] = json.loads(ended.stdout)
    except ValueError:
        message = f"{sys.executable} -m migrator {question} ended with {ended.returncode}."
        raise BugError(message, hint=ended.stderr[-1000:]) from None
    if "error" in answer:
        raise _error(**answer["error"])
    return answer


class Run:
    """A run in a process of its own; its log goes to this process's standard error."""

    def __init__(self, flags: Mapping[str, str | None]) -> None:
        """Start it. Where this process ends first, it is told to end too."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "migrator", "run"],
            env=_environment(flags),
            stdin=subprocess.DEVNULL,
            stdout=2,
        )
        atexit.register(self._end)
        threading.Thread(target=self._wait, name="migrator-run", daemon=True).start()

    @property
    def goes_on(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.returncode is None

    def _wait(self) -> None:
        self._process.wait()
        atexit.unregister(self._end)

    def _end(self) -> None:
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDS_WITHIN_S)


def _environment(flags: Mapping[str, str | None]) -> dict[str, str]:
    """Give the environment with these settings in it: a password must not stand in a line."""
    said = {settings.variable(name): value for name, value in flags.items() if value is not None}
    return {**os.environ, **said}


def _error(kind: str, message: str, hint: str | None, sqlstate: str | None) -> MigratorError:
    kinds = {one.kind: one for one in reversed(MigratorError.__subclasses__())}
    return kinds.get(kind, BugError)(message, hint=hint, sqlstate=sqlstate)
