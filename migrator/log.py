"""The log: one line per event, JSON for platforms and aligned text for people.

Lines go to the stream given, past `logging` and past structlog's global configuration: the
project's code may disable every logger there is (`fileConfig` does so by default) or configure
structlog for itself, and our lines must go on.
"""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, TextIO

import structlog

from migrator.console import Console

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor

    from migrator.redaction import Redactor

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


class _Logger(structlog.BoundLoggerBase):
    """A structlog logger with one method, whose processors nobody else can replace."""

    def emit(self, event: Event, **fields: object) -> None:
        self._proxy_to_logger("write", event.value, **fields)


class _Lines:
    """Writes each line at once; a reader that went away does not fail the run."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        try:
            print(line, file=self._stream, flush=True)
        except BrokenPipeError:
            return


_logger: list[_Logger] = []


def setup(stream: TextIO, *, form: str | None, level: str, run_id: str, redactor: Redactor) -> None:
    """Say where lines go, in which form, from which level on, and what they must not hold."""
    form = form or ("console" if stream.isatty() else "json")
    processors: list[Processor] = [
        _from_level(_LEVELS[level]),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        lambda _, __, line: redactor.value(dict(line)),
        Console(colours=stream.isatty()) if form == "console" else _as_json,
    ]
    _logger[:] = [_Logger(_Lines(stream), processors, {"run_id": run_id})]


def emit(event: Event, message: str, *, level: str = "info", **fields: object) -> None:
    """Write one line, if the level is asked for; `run.finished` always."""
    for logger in _logger:
        logger.emit(event, level=level, message=message, **fields)


def _from_level(threshold: int) -> Processor:
    def drop_below(_: object, __: str, line: EventDict) -> EventDict:
        if line["event"] != Event.RUN_FINISHED and _LEVELS[line["level"]] < threshold:
            raise structlog.DropEvent
        return line

    return drop_below


def _as_json(_: object, __: str, line: EventDict) -> str:
    first = ("timestamp", "level", "event", "message", "run_id")
    ordered = {key: line[key] for key in first} | dict(line)
    return json.dumps(ordered, default=str, ensure_ascii=False)
