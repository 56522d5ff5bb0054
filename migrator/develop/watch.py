"""`migrator watch`: keep revisions and the local database up to date with the models.

Each change is a step in a process of its own, which loads the models anew; and what a step does to
the local database is a `migrator run` or `rollback` in a further one.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from migrator.develop import ownership
from migrator.develop.local import see_that_it_is_local
from migrator.develop.new import new
from migrator.errors import (
    BugError,
    ConfigurationError,
    DisagreementError,
    InterruptedBySignalError,
)
from migrator.output.text import named
from migrator.process import subcommand
from migrator.process.signals import SIGNALS
from migrator.project.find import find
from migrator.project.revisions import shown
from migrator.project.unimported_models import folders_of_revisions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from alembic.script import Script

    from migrator.develop.new.result import Novelty
    from migrator.settings.table import Settings

_USAGE = 64
_FIRST_MS = 200
_LOST = ("ahead", "diverged")


@dataclass(frozen=True, slots=True)
class WatchRequest:
    """What a step goes by besides the settings."""

    flags: Mapping[str, str | None]
    """Those of the command line, for the processes that it starts."""
    named: tuple[str, ...]
    """The hosts that were named though they are not this machine."""
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """What was done once; an answer."""

    database: str
    made: Novelty
    removed: tuple[str, ...] = ()
    """The files of ours that are gone."""
    applied: tuple[str, ...] = ()
    """The revisions that the local database was brought up by."""
    remark: str = ""

    @property
    def exit_code(self) -> int:
        """0 where all is well, 3 where something was found in what was written."""
        return self.made.exit_code

    def fields(self) -> dict[str, Any]:
        """Give it as `migrator new` does, with what was done besides."""
        return {**self.made.fields(), "removed": self.removed, "applied": self.applied}

    def __str__(self) -> str:
        """Give it in one line."""
        return " ".join(filter(None, (f"{self._change} {self._effect}", self.remark)))

    @property
    def _change(self) -> str:
        if not self.made.written:
            if self.removed:
                return f"The models ask for nothing any more: {', '.join(self.removed)} is gone."
            return "The models ask for nothing."
        files = ", ".join(each.file for each in self.made.written)
        verb = "Wrote anew" if self.removed else "Wrote"
        found = [each.code for each in self.made.hazards] or ["safe"]
        return f"{verb} {files} ({', '.join(dict.fromkeys(found))})."

    @property
    def _effect(self) -> str:
        if self.made.proof and self.made.proof.findings:
            return f"Not applied: {self.made.proof.findings[0].message}"
        if self.applied:
            return f"Applied {', '.join(self.applied)} to {self.database}."
        return f"{self.database} is at head."


def follow(settings: Settings, request: WatchRequest, say: Callable[[str], None]) -> NoReturn:
    """Do a step now, and one after each change of the project's Python files, until a signal.

    `say` is called with the line of each. Raises the interruption, or what keeps it from beginning.
    """
    see_that_it_is_local(settings.database_url, request.environ, "migrator watch", request.named)
    try:
        from watchfiles import PythonFilter, watch  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigurationError(
            "What follows files is not installed.",
            hint="Install migrator with its extra `watch`; --once does without.",
        ) from None
    (project, *_) = find(settings)
    revisions = [str(each) for each in folders_of_revisions(project)]
    line = ("watch", "--once", *(part for host in request.named for part in ("--not-local", host)))
    once = partial(subcommand.said, line, request.flags, request.environ)
    roots = {Path.cwd(), Path(project.config.config_file_name or ".").resolve().parent}
    rules = PythonFilter(ignore_paths=revisions)
    begun = False
    try:
        for changes in watch(
            *roots, watch_filter=rules, rust_timeout=_FIRST_MS, yield_on_timeout=True
        ):
            if changes or not begun:  # what changes during the first step is heard of already
                say(once())
            begun = True
    except KeyboardInterrupt:  # what watchfiles makes of any exception in a signal's handler
        raise SIGNALS.pending or InterruptedBySignalError(signal.SIGINT, "SIGINT") from None
    raise BugError("watchfiles has ended by itself.")


def step(settings: Settings, request: WatchRequest) -> Step:
    """Let the revisions follow the models once, and the local database those.

    Raises what keeps it from that. A revision file is there only where it could be made.
    """
    see_that_it_is_local(settings.database_url, request.environ, "migrator watch", request.named)
    environ = dict(request.environ)  # the process's own names other databases meanwhile
    standing = subcommand.ask("status", request.flags, environ=environ)
    if standing["state"] in _LOST:
        where = f"{settings.database_url} is at {named(standing['current'])}"
        raise DisagreementError(
            f"{where}, which this code does not have.",
            hint="migrator reset makes it anew; so does a checkout of the code that has it.",
        )
    local = _Local(request.flags, environ, tuple(standing["current"]))
    (project, *_) = find(settings)
    mine = ownership.own(project, environ)
    own = new.Own(
        frozenset(each.revision for each in mine),
        tuple(Path(each.path) for each in mine),
        partial(local.released, mine),
    )
    made = new.remake(settings, new.NewRequest(None), environ, own)
    for each in made.written:
        ownership.mark(each.path)
    removed = tuple(shown(str(path)) for path in own.files if not path.exists())
    sound = not (made.proof and made.proof.findings)
    applied = local.brought_up() if sound else ()
    return Step(str(settings.database_url), made, removed, applied, local.remark)


@dataclass
class _Local:
    """The developer's own database, which other processes of ours work on."""

    flags: Mapping[str, str | None]
    environ: Mapping[str, str]
    current: tuple[str, ...]
    remark: str = field(default="", init=False)

    def released(self, own: tuple[Script, ...]) -> bool:
        """Take these revisions back, the newest first; tells whether they are."""
        if not own:
            return False
        if not {each.revision for each in own} & {*self.current}:
            return True
        below = str(own[-1].down_revision or "base")
        report = subcommand.report(("rollback", "--to", below, "--yes"), self.flags, self.environ)
        if report["exit_code"] == _USAGE:
            self.remark = f"What was there stays: {report['error']['message']}"
            return False
        if report["error"]:
            raise subcommand.error_of(report["error"])
        return True

    def brought_up(self) -> tuple[str, ...]:
        """Bring it to head; gives what was applied."""
        report = subcommand.migrate(self.flags, self.environ)
        return tuple(each["revision"] for each in report["applied"])
