"""Record a run in the ledger, however it ends."""

from __future__ import annotations

from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from migrator.errors import BugError, MigratorError
from migrator.ledger import cache, checksum, schema
from migrator.ledger.runs import Entry, enter
from migrator.output import report
from migrator.process.signals import SIGNALS, Interruption
from migrator.settings import deployment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from psycopg2.extensions import connection as Connection

    from migrator.database.connection import Server
    from migrator.output.report import Journal

_CONNECT_WITHIN_S = 2.0


@contextmanager
def recording(
    server: Server, journal: Journal, files: Mapping[str, str], command: str = "run"
) -> Iterator[None]:
    """Enter what the block did, with the checksums of these files, by their revisions.

    The run's result stands whatever becomes of the entry: what kept it from being made is a remark
    in the journal.
    """
    began = datetime.now(UTC)

    def record(error: MigratorError | None) -> None:
        told = report.failed(journal, error) if error else report.succeeded(journal)
        fields = journal.redactor.value(told.fields())
        names = [each["revision"] for each in fields["applied"] if each["revision"] in files]
        sums = {name: checksum.of(files[name]) for name in names}
        exact = {name: checksum.of_bytes(files[name]) for name in names}
        back, known = journal.taken_back, deployment.known()
        _enter(server, journal, Entry(journal.id, command, began, fields, back, sums, exact, known))

    try:
        yield
    except BaseException as error:
        with suppress(Interruption), SIGNALS.held_back():
            record(_ours(error))
        raise
    with SIGNALS.held_back():
        record(None)


def adopt(server: Server, journal: Journal) -> None:
    """Create the ledger with an entry of a run that had nothing to do, if this role may.

    It says at which revisions the database was found. If there is a ledger already, such a run has
    no entry; whatever keeps it from being created costs nothing but the quick answer.
    """
    with suppress(MigratorError):
        if schema.may_create(server.connection):
            fields = journal.redactor.value(report.succeeded(journal).fields())
            known, began = deployment.known(), datetime.now(UTC)
            enter(server.connection, Entry(journal.id, "run", began, fields, (), {}, {}, known))


def _ours(error: BaseException) -> MigratorError:
    if isinstance(error, MigratorError):
        return error
    return Interruption.behind(error) or BugError(f"{type(error).__name__}: {error}")


def _enter(server: Server, journal: Journal, entry: Entry) -> None:
    try:
        if not server.connection.closed:
            return _write(server.connection, entry)
        with closing(server.again(_CONNECT_WITHIN_S)) as connection:
            return _write(connection, entry)
    except MigratorError as error:
        journal.remark(f"The run is not in the ledger: {error.message}")


def _write(connection: Connection, entry: Entry) -> None:
    enter(connection, entry)
    if entry.report["applied"] or entry.taken_back:
        cache.forget(connection)
