"""Run a command of ours in a separate process, so that it disturbs nothing in this one.

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

from migrator.errors import BugError, MigratorError
from migrator.settings import table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_ENDS_WITHIN_S = 5.0
"""A run that is told to end cancels its statement, and has ended after this long."""


def ask(
    question: str,
    flags: Mapping[str, str | None],
    *arguments: str,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Mapping[str, Any]:
    """Put a question to the command, and give the fields of its answer.

    It finds the environment of this process, or another, and runs here, or in another folder.
    Raises the `MigratorError` that it ended with.
    """
    ended = _ended((question, "--json", *arguments), flags, environ, folder)
    answer = _read(ended, ended.stdout)
    if [*answer] == ["error"]:
        raise error_of(answer["error"])
    return answer


def report(
    command: Sequence[str],
    flags: Mapping[str, str | None],
    environ: Mapping[str, str],
    folder: Path | None = None,
) -> Mapping[str, Any]:
    """Have a command do its work, and give the report that its log ends with."""
    ended = _ended(command, {**flags, "log_format": "json"}, environ, folder)
    return _read(ended, ended.stdout.rstrip("\n").rpartition("\n")[2])


def migrate(
    flags: Mapping[str, str | None], environ: Mapping[str, str], folder: Path | None = None
) -> Mapping[str, Any]:
    """Run to the end, and give the report; raises the `MigratorError` that it has."""
    found = report(("run",), flags, environ, folder)
    if found["error"]:
        raise error_of(found["error"])
    return found


def said(
    command: Sequence[str], flags: Mapping[str, str | None], environ: Mapping[str, str]
) -> str:
    """Give what a command prints; what it complains of goes to this process's standard error."""
    return _ended(command, flags, environ, complaints=None).stdout.rstrip("\n")


def _ended(
    command: Sequence[str],
    flags: Mapping[str, str | None],
    environ: Mapping[str, str] | None,
    folder: Path | None = None,
    complaints: int | None = subprocess.PIPE,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; whatever ends this process earlier, it is told to end too."""
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "migrator", *command],
        cwd=folder,
        env=_environment(flags, environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=complaints,
        text=True,
    )
    try:
        stdout, stderr = process.communicate()
    except BaseException:
        _end(process)
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr or "")


def _end(process: subprocess.Popen[Any]) -> None:
    """Tell a process to end, and wait for that."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_ENDS_WITHIN_S)


def _read(ended: subprocess.CompletedProcess[str], text: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(text)
    except ValueError:
        message = f"{' '.join(ended.args)} ended with {ended.returncode}."
        raise BugError(message, hint=ended.stderr[-1000:]) from None
    return found


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
        _end(self._process)


def _environment(
    flags: Mapping[str, str | None], environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Give an environment with these settings in it: a password must not stand in a line."""
    said = {table.variable(name): value for name, value in flags.items() if value is not None}
    return {**(os.environ if environ is None else environ), **said}


def error_of(fields: Mapping[str, Any]) -> MigratorError:
    """Give the error that a report has under `error`."""
    kinds = {one.kind: one for one in reversed(MigratorError.__subclasses__())}
    found = kinds.get(fields["kind"], BugError)
    return found(fields["message"], hint=fields["hint"], sqlstate=fields["sqlstate"])
