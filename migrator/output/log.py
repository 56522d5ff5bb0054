"""The log: one line per event, JSON for platforms and aligned text for people.

Lines go to the stream given, past `logging` and past structlog's global configuration: the
project's code may disable every logger there is (`fileConfig` does so by default) or configure
structlog for itself, and our lines must go on.

A run that finds nothing to do is over before structlog could be imported. So the processors are
driven by hand until `structured` is called, which is when Alembic is loaded anyway.
"""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from migrator.output.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from structlog.typing import EventDict, Processor

    from migrator.output.redaction import Redactor

_JSON = json.JSONEncoder(default=str, ensure_ascii=False)
_LEVELS = {"debug": 10, "info": 20, "warn": 30, "warning": 30, "error": 40}


class Event(StrEnum):
    """Every event there is."""

    RUN_STARTED = "run.started"
    DATABASE_WAITING = "database.waiting"
    DATABASE_CONNECTED = "database.connected"
    PROJECT_LOADED = "project.loaded"
    LOCK_WAITING = "lock.waiting"
    LOCK_ACQUIRED = "lock.acquired"
    PLAN_MADE = "plan.made"
    BACKUP_STARTED = "backup.started"
    BACKUP_PROGRESSED = "backup.progressed"
    BACKUP_FINISHED = "backup.finished"
    REVISION_STARTED = "revision.started"
    STATEMENT_BLOCKED = "statement.blocked"
    STATEMENT_RETRIED = "statement.retried"
    REVISION_APPLIED = "revision.applied"
    UPGRADE_VERIFIED = "upgrade.verified"
    LOCK_RELEASED = "lock.released"
    RUN_FINISHED = "run.finished"


class _Lines:
    """Writes each line at once; a reader that went away does not fail the run."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        try:
            print(line, file=self._stream, flush=True)
        except BrokenPipeError:
            return


class _Logger(Protocol):
    def emit(self, event: Event, **fields: object) -> None:
        """Write one line."""


class _ByHand:
    """Runs the processors itself, one after the other."""

    def __init__(
        self, lines: _Lines, processors: Sequence[Processor], context: dict[str, Any]
    ) -> None:
        self.lines, self.processors, self.context = lines, processors, context

    def emit(self, event: Event, **fields: object) -> None:
        line: Any = {**self.context, **fields, "event": event.value}
        for processor in self.processors:
            line = processor(None, "write", line)
        self.lines.write(line)


_logger: list[_Logger] = []
_threshold = [0]
_run_id = [""]
_silenced = threading.local()


def setup(stream: TextIO, *, form: str | None, level: str, run_id: str, redactor: Redactor) -> None:
    """Say where lines go, in which form, from which level on, and what they must not hold."""
    form = form or ("console" if stream.isatty() else "json")
    processors: list[Processor] = [
        _stamped,
        lambda _, __, line: redactor.value(dict(line)),
        Console(colours=stream.isatty()) if form == "console" else _as_json,
    ]
    _threshold[:] = [_LEVELS[level]]
    _run_id[:] = [run_id]
    _logger[:] = [_ByHand(_Lines(stream), processors, {"run_id": run_id})]


def run_id_of_lines() -> str:
    """Give the `run_id` that each line has."""
    return _run_id[0]


def structured() -> None:
    """Go on with structlog, in the same form."""
    from structlog import BoundLoggerBase  # noqa: PLC0415 - costs more than a run with nothing to do

    class Structured(BoundLoggerBase):
        """A structlog logger with one method, whose processors nobody else can replace."""

        def emit(self, event: Event, **fields: object) -> None:
            self._proxy_to_logger("write", event.value, **fields)

    _logger[:] = [
        Structured(logger.lines, logger.processors, logger.context)
        if isinstance(logger, _ByHand)
        else logger
        for logger in _logger
    ]


@contextmanager
def silenced() -> Iterator[None]:
    """Let this thread write nothing for as long as the block lasts."""
    _silenced.here = True
    try:
        yield
    finally:
        _silenced.here = False


@contextmanager
def hushed() -> Iterator[None]:
    """Let nobody's `logging` say what is below a warning for as long as the block lasts.

    It is for trying things out, of which the outcome counts. The whole process goes by it.
    """
    import logging  # noqa: PLC0415 - not for a run with nothing to do

    before = logging.root.manager.disable
    logging.disable(max(before, logging.INFO))
    try:
        yield
    finally:
        logging.disable(before)


def emit(event: Event, message: str, *, level: str = "info", **fields: object) -> None:
    """Write one line, if the level is asked for; `run.finished` always."""
    if event != Event.RUN_FINISHED and _LEVELS[level] < _threshold[0]:
        return
    if getattr(_silenced, "here", False):
        return
    for logger in _logger:
        logger.emit(event, level=level, message=message, **fields)


def _stamped(_: object, __: str, line: EventDict) -> EventDict:
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {"timestamp": now, **line}


def _as_json(_: object, __: str, line: EventDict) -> str:
    first = ("timestamp", "level", "event", "message", "run_id")
    ordered = {key: line[key] for key in first} | dict(line)
    return _JSON.encode(ordered)
