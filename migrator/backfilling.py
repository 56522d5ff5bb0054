"""The backfill, on one screen: batch by batch under a lock of its own, until nothing remains."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from migrator.backfill import definition, mishap, requirement
from migrator.backfill.filling import Link, Order, fill
from migrator.backfill.preview import Preview, sketched
from migrator.backfill.progress import Tally
from migrator.database.connection import connect
from migrator.database.keyset import anything
from migrator.database.lock import hold, keys_for
from migrator.database.pulse import beating
from migrator.errors import UnreachableError
from migrator.output import text
from migrator.output.log import Event, emit, silenced, structured
from migrator.process.boundary import commanded
from migrator.project import needs
from migrator.project.find import find
from migrator.project.session import Session, within
from migrator.settings import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from migrator.backfill.definition import Definition
    from migrator.database.connection import Server
    from migrator.output.report import Journal
    from migrator.settings.table import Settings


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be filled."""

    name: str | None
    """One backfill, or None for every one that is not complete."""
    order: Order


def request(
    name: str | None, *, workers: int, batch_time: str, max_lag: str, max_active: int | None
) -> Request:
    """Read what the command line asks for; raises `ValueError` for a duration that is none."""
    batch_s, lag_s = _batch_time(batch_time), _max_lag(max_lag)
    return Request(name, Order(workers, batch_s, lag_s, max_active))


_batch_time = parse.duration_above_zero("--batch-time of 0 would be a batch for each row")
_max_lag = parse.duration_above_zero("--max-lag of 0 would be a pause for ever")


def command(
    request: Request, flags: Mapping[str, str | None], environ: Mapping[str, str], stream: TextIO
) -> int:
    """Fill what remains and report on the stream; gives the exit code."""
    what = request.name or "what remains"
    return commanded(
        lambda told, journal: run(told, journal, request),
        lambda told: (f"fills {what} in {told.database_url}", what),
        *(flags, environ, stream),
    )


def run(told: Settings, journal: Journal, request: Request) -> None:
    """Fill what is requested, one backfill after the other; the journal learns what happened.

    Raises the error that says why it could not be done; what was done until then is kept.
    """
    tally = Tally()
    with _loaded(told, request.name) as wanted:
        try:
            done = [each.name for each in wanted if _filled(told, request, each, tally)]
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
def _loaded(told: Settings, name: str | None) -> Iterator[list[Definition]]:
    """Give the backfills, in surroundings like env.py's for as long as the block lasts."""
    projects = find(told)
    folders = needs.folders(projects)
    with ExitStack() as stack:
        for project in projects:
            stack.enter_context(within(project, told.database_url))
        if name is not None:
            yield [definition.named(name, folders)]
        else:
            yield [definition.load(path) for path in definition.files(folders).values()]


def _filled(told: Settings, request: Request, wanted: Definition, tally: Tally) -> bool:
    """Fill one, and go on where a connection is lost; tells whether there was anything to do."""
    began = tally.batches
    while True:
        before = tally.batches
        with connect(told.database_url, told.connect_timeout) as server, beating(server) as pulse:
            try:
                if not _remains(server, wanted, named=request.name is not None):
                    return tally.batches > began
                key = keys_for([], f"backfill:{wanted.name}")
                with hold(server, key, told.lock_wait) as guard:
                    fill(Link(server, guard, pulse, told), wanted, request.order, tally)
                    return True
            except UnreachableError as error:
                if tally.batches == before:
                    raise
                _say_lost(error, told)


def _remains(server: Server, wanted: Definition, *, named: bool) -> bool:
    """Tell whether rows remain; what cannot be asked is passed over, unless it was named.

    A backfill of long ago asks for columns that were dropped since.
    """
    try:
        if named:
            return requirement.remains(server.connection, wanted)
        return anything(server.connection, wanted.remaining)
    except Exception as error:  # noqa: BLE001 - a driver's
        if named or not mishap.not_there(error):
            raise mishap.of(error, wanted) from None
        why = mishap.told(error)
    emit(
        Event.PLAN_MADE,
        f"{wanted.name} is passed over: {why}",
        level="warn",
        backfill=wanted.name,
        **dict.fromkeys(("done", "remaining", "estimated", "eta_s", "batch_rows")),
    )
    return False


def _say_lost(error: UnreachableError, told: Settings) -> None:
    emit(
        Event.DATABASE_WAITING,
        f"{error.message.rstrip('.')}. Connecting again, and going on where it was.",
        level="warn",
        attempt=1,
        reason=error.message,
        remaining_s=told.connect_timeout,
    )


def preview(told: Settings, name: str | None) -> Preview:
    """Give what the backfills would do, nothing changed.

    Raises `ProjectError` where there is no such backfill, and what `connect` raises.
    """
    structured()
    with (
        silenced(),
        _loaded(told, name) as wanted,
        connect(told.database_url, told.connect_timeout) as server,
        closing(Session(server.again(told.connect_timeout))) as session,
    ):
        return Preview(tuple(sketched(session, each) for each in wanted))
