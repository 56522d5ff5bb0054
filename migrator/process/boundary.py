"""The boundary: every run ends here, with one outcome and one last line.

The command line and `api.py` both end a run here, so that no way of starting one can end without
its report.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import uuid
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, TextIO, TypeVar

from migrator.errors import BugError, MigratorError
from migrator.output import log, report
from migrator.output.log import Event
from migrator.output.redaction import Redactor, secrets_of
from migrator.process import signals
from migrator.settings import load
from migrator.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from migrator.output.report import Journal, Outcome
    from migrator.settings.table import Settings

    Work = Callable[[Settings, Journal], object]

End = TypeVar("End")


def perform(
    work: Work,
    flags: Mapping[str, str | None],
    environ: Mapping[str, str],
    stream: TextIO,
    *,
    hear: bool = True,
) -> tuple[Outcome, MigratorError | None]:
    """Load the settings and do the work with them.

    Gives how that ended and the error, if it ended in one.
    """
    act = partial(_start, work, flags, environ)
    return bounded(act, flags, environ, stream, hear=hear)


def commanded(
    work: Work,
    aim: Callable[[Settings], tuple[str, str]],
    flags: Mapping[str, str | None],
    environ: Mapping[str, str],
    stream: TextIO,
) -> int:
    """Do the work of a command that is told by itself what to do, whatever AUTO_MIGRATE says.

    `aim` gives what it is going to do, and its target. Gives the exit code.
    """

    def act(journal: Journal) -> None:
        settings, notes = load.read(flags, environ)
        _begun(settings, *aim(settings), notes)
        work(settings, journal)

    outcome, _ = bounded(act, flags, environ, stream)
    return outcome.exit_code


def bounded(
    act: Callable[[Journal], None],
    flags: Mapping[str, str | None],
    environ: Mapping[str, str],
    stream: TextIO,
    *,
    hear: bool = True,
) -> tuple[Outcome, MigratorError | None]:
    """Act; log and report how that ended, whatever it was.

    Signals are heard where the process is ours to end: `hear`.
    """
    run_id = str(uuid.uuid4())
    hidden = logging(stream, flags, environ, run_id)
    journal = report.Journal(hidden, run_id)

    def finish(error: MigratorError | None) -> Outcome:
        outcome = report.failed(journal, error) if error else report.succeeded(journal)
        _finish(outcome, flags, environ, hidden)
        return outcome

    return concluded(partial(act, journal), finish, hidden, hear=hear)


def logging(
    stream: TextIO, flags: Mapping[str, str | None], environ: Mapping[str, str], run_id: str
) -> Redactor:
    """Begin the log as the settings say, as far as they can be read; gives what redacts it."""
    form = load.glance("log_format", flags, environ)
    level = load.glance("log_level", flags, environ) or "info"
    hidden = redactor(flags, environ)
    log.setup(stream, form=form, level=level, run_id=run_id, redactor=hidden)
    return hidden


def redactor(flags: Mapping[str, str | None], environ: Mapping[str, str]) -> Redactor:
    """Give what masks the secrets in these flags and in this environment."""
    return Redactor(*_secrets(flags, environ))


def concluded(
    act: Callable[[], object],
    finish: Callable[[MigratorError | None], End],
    redactor: Redactor,
    *,
    hear: bool = True,
) -> tuple[End, MigratorError | None]:
    """Act, and finish exactly once, with the error that it ended in or None.

    Gives what `finish` gave, and the error.
    """
    once = threading.Lock()

    def conclude(error: MigratorError | None) -> End | None:
        """Finish, the first time only: the act may end in one thread or the other."""
        return finish(error) if once.acquire(blocking=False) else None

    signals.SIGNALS.begin()
    with signals.SIGNALS.heard(conclude) if hear else nullcontext():
        error = _attempt(act, redactor)
        while (end := conclude(error)) is None:
            time.sleep(1)  # another thread has finished, and ends the process
    signals.SIGNALS.end()
    return end, error


def _attempt(act: Callable[[], object], redactor: Redactor) -> MigratorError | None:
    try:
        with signals.SIGNALS.let_in():
            act()
    except MigratorError as error:
        return error
    except BaseException as error:  # noqa: BLE001 - the boundary: nothing may end without a report
        if interrupted := signals.Interruption.behind(error):
            return interrupted
        import traceback  # noqa: PLC0415 - for a bug only

        print(redactor.text(traceback.format_exc()), file=sys.stderr)
        return BugError(
            f"A bug in migrator: {type(error).__name__}: {error}",
            hint="Please report it with the traceback on standard error.",
        )
    return None


def _start(
    work: Work, flags: Mapping[str, str | None], environ: Mapping[str, str], journal: Journal
) -> None:
    loaded = load.load(flags, environ)
    settings = loaded.settings
    if settings is None:
        _begun(None, "does nothing", None, loaded.notes)
        journal.nothing_to_do = loaded.notes[0]
    else:
        _begun(
            settings,
            f"brings {settings.database_url} to {settings.target}",
            settings.target,
            loaded.notes,
        )
        work(settings, journal)


def _begun(settings: Settings | None, aim: str, target: str | None, notes: tuple[str, ...]) -> None:
    log.emit(
        Event.RUN_STARTED,
        " ".join((f"migrator {__version__} {aim}.", *notes)),
        version=__version__,
        database=str(settings.database_url) if settings else None,
        target=target,
    )
    if settings:
        signals.SIGNALS.within(settings.deadline)


def _finish(
    outcome: Outcome,
    flags: Mapping[str, str | None],
    environ: Mapping[str, str],
    redactor: Redactor,
) -> None:
    fields = outcome.fields()
    file = load.glance("report", flags, environ)
    for complaint in report.write(redactor.value(fields), file, environ):
        print(complaint, file=sys.stderr)
    level = "info" if outcome.exit_code == 0 else "error"
    log.emit(Event.RUN_FINISHED, outcome.message, level=level, **fields)


def _secrets(
    flags: Mapping[str, str | None], environ: Mapping[str, str]
) -> tuple[set[str], set[str]]:
    """Give what must not be printed, and the names that are printed anyway."""
    told = {**environ, "--database-url": flags.get("database_url") or ""}
    target = load.target(flags, environ, [])
    secrets = {*secrets_of(told), *([target.password] if target and target.password else [])}
    shown = {target.parameters.get(k, "") for k in ("user", "dbname", "host")} if target else set()
    return secrets, shown


def own_stdout() -> TextIO:
    """Give standard output to ourselves alone: what else writes there goes to standard error.

    The log is one JSON object a line, and a project may print.
    """
    sys.stdout.flush()
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="backslashreplace")
    os.dup2(2, 1)
    return stream
