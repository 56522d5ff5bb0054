"""`migrator backfill`: change rows in batches, under a lock, until no rows remain."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING

from migrator.backfill import definition, failure, requirement
from migrator.backfill.dry_run import Preview, sketched
from migrator.backfill.keyset import anything
from migrator.backfill.passes import BackfillRequest, fill
from migrator.backfill.progress import Tally
from migrator.backfill.session import Session, within
from migrator.database.connection import connect
from migrator.database.lock.lock import keys_for
from migrator.database.lock.run_lock import linked, run_lock
from migrator.errors import UnreachableError
from migrator.output import text
from migrator.output.log import Event, emit, silenced
from migrator.project.annotations import backfill_folders
from migrator.project.find import find
from migrator.settings import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.backfill.definition import Definition
    from migrator.database.connection import Server
    from migrator.output.report import Journal
    from migrator.settings.table import Settings


def request(
    name: str | None, *, workers: int, batch_time: str, max_lag: str, max_active: int | None
) -> BackfillRequest:
    """Read what the command line asks for; raises `ValueError` for a duration that is none."""
    batch_s, lag_s = _batch_time(batch_time), _max_lag(max_lag)
    return BackfillRequest(name, workers, batch_s, lag_s, max_active)


_batch_time = parse.duration_above_zero("--batch-time of 0 would be a batch for each row")
_max_lag = parse.duration_above_zero("--max-lag of 0 would be a pause for ever")


def run(settings: Settings, journal: Journal, request: BackfillRequest) -> None:
    """Fill what is requested, one backfill after the other; the journal learns what happened.

    Raises the error that says why it could not be done; what was done until then is kept.
    """
    tally = Tally()
    with _loaded(settings, request.name) as wanted:
        try:
            done = [each.name for each in wanted if _filled(settings, request, each, tally)]
        except BaseException:
            if tally.batches:
                journal.database_state = "partially_migrated"
                journal.remark(
                    f"{_counted(tally)} committed, and to stay. Rows remain: start it again."
                )
            raise
    if not done:
        journal.nothing_to_do = "No rows remain for a backfill."
        return
    journal.database_state = "migrated"
    journal.accomplished = f"Nothing remains for {', '.join(done)}: {_counted(tally)} done."


def _counted(tally: Tally) -> str:
    batches = text.counted(tally.batches, "batch", "batches")
    return f"{text.rows(tally.rows)} in {batches} {'is' if tally.rows == 1 else 'are'}"


@contextmanager
def _loaded(settings: Settings, name: str | None) -> Iterator[list[Definition]]:
    """Give the backfills, in surroundings like env.py's for as long as the block lasts."""
    projects = find(settings)
    folders = backfill_folders(projects)
    with ExitStack() as stack:
        for project in projects:
            stack.enter_context(within(project, settings.database_url))
        if name is not None:
            yield [definition.named(name, folders)]
        else:
            yield [definition.load(path) for path in definition.files(folders).values()]


def _filled(settings: Settings, request: BackfillRequest, wanted: Definition, tally: Tally) -> bool:
    """Fill one, and go on where a connection is lost; tells whether there was anything to do."""
    began = tally.batches
    while True:
        before = tally.batches
        with linked(settings) as link:
            try:
                if not _remains(link.server, wanted, named=request.name is not None):
                    return tally.batches > began
                keys = keys_for([], f"backfill:{wanted.name}")
                with run_lock(link, keys=keys) as locked:
                    fill(locked, wanted, request, tally)
                    return True
            except UnreachableError as error:
                if tally.batches == before:
                    raise
                _say_lost(error, settings)


def _remains(server: Server, wanted: Definition, *, named: bool) -> bool:
    """Tell whether rows remain; what cannot be asked is passed over, unless it was named.

    A backfill of long ago asks for columns that were dropped since.
    """
    try:
        if named:
            return requirement.remains(server.connection, wanted)
        return anything(server.connection, wanted.remaining)
    except Exception as error:  # noqa: BLE001 - a driver's
        if named or not failure.not_there(error):
            raise failure.of(error, wanted) from None
        why = failure.told(error)
    emit(
        Event.PLAN_MADE,
        f"{wanted.name} is passed over: {why}",
        level="warn",
        backfill=wanted.name,
        **dict.fromkeys(("done", "remaining", "estimated", "eta_s", "batch_rows")),
    )
    return False


def _say_lost(error: UnreachableError, settings: Settings) -> None:
    emit(
        Event.DATABASE_WAITING,
        f"{error.message.rstrip('.')}. Connecting again, and going on where it was.",
        level="warn",
        attempt=1,
        reason=error.message,
        remaining_s=settings.connect_timeout,
    )


def preview(settings: Settings, name: str | None) -> Preview:
    """Give what the backfills would do, nothing changed.

    Raises `ProjectError` where there is no such backfill, and what `connect` raises.
    """
    with (
        silenced(),
        _loaded(settings, name) as wanted,
        connect(settings.database_url, settings.connect_timeout) as server,
        closing(Session(server.again(settings.connect_timeout))) as session,
    ):
        return Preview(tuple(sketched(session, each) for each in wanted))
