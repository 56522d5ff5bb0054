"""Take a backup: prepare it before the lock, take it under the lock, verify it."""

from __future__ import annotations

import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from migrator.backup import verify
from migrator.backup.encryption import Recipients, encrypt, recipients
from migrator.backup.manifest import DUMP, ENCRYPTED, FORMAT, KIND, Manifest, name_for, now, save
from migrator.backup.progress import Progress
from migrator.backup.retention import retain
from migrator.backup.store.store import Store, store_at
from migrator.backup.stream import Meter, Tap, copy
from migrator.backup.verify import accept, trying
from migrator.database.pgtools.pg_dump import dumping
from migrator.database.pgtools.programs import Programs, programs_for
from migrator.database.pgtools.worker import Crew
from migrator.database.version_table import union
from migrator.errors import BackupError, ConfigurationError, MigratorError
from migrator.output.log import Event, emit
from migrator.output.text import readable
from migrator.settings import deployment
from migrator.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from migrator.backup.stream import Reader
    from migrator.backup.verify import Listing
    from migrator.database.pgtools.source import Contents, Snapshot, Source
    from migrator.database.version_table import VersionTable
    from migrator.settings.table import Settings

    Lost = Callable[[], MigratorError | None]
    Standing = Mapping[VersionTable, tuple[str, ...]]

_NOTICED_WITHIN_S, _LOOK_S = 1.5, 0.1
_DIRECT = (
    "Give the direct address of the server: DATABASE_UNPOOLED_URL, or MIGRATOR_DATABASE_URL."
    " Nothing was migrated."
)


@dataclass(frozen=True, slots=True)
class PreparedBackup:
    """All that a backup needs, seen to be there."""

    source: Source
    store: Store
    programs: Programs
    recipients: Recipients
    settings: Settings

    def take(
        self, standing: Standing, lost: Lost, destination: tuple[str, ...] | None = None
    ) -> str:
        """Take a backup, prove it, and remove those that are one too many; gives its address.

        `standing` are the revisions in each version table, `destination` those that the run is to
        bring the database to, if it is to be moved at all. `lost` gives the error of a run whose
        lock is gone. Raises `BackupError`, `StorageError`, or that error; then no backup is left
        that could pass for one.
        """
        taking = Taking(self, standing, destination or union(standing.values()), lost)
        try:
            taking.crew.does(taking.work, taking.look)
        except BackupError:
            taking.blame_the_server()
            raise
        return taking.address


def prepare(source: Source, settings: Settings) -> PreparedBackup | None:
    """See before the lock that a backup can be taken; None where none is asked for.

    Raises `ClientError`, `ConfigurationError` or `StorageError` with what to do.
    """
    if settings.backup_to is None:
        return None
    if source.pooled:
        message = "A backup cannot be taken through a pooler: pg_dump needs one session throughout."
        raise ConfigurationError(message, hint=_DIRECT)
    if settings.backup_verify == "restore":
        source.see_that_scratch_is_possible()
    crew, url = Crew(), settings.backup_to
    return crew.does(lambda: _prepared(source, settings, url, crew))


def _prepared(source: Source, settings: Settings, url: str, crew: Crew) -> PreparedBackup:
    to = recipients(settings.backup_encrypt_to)
    programs = programs_for(source.version, crew)
    store = store_at(url)
    store.check()
    return PreparedBackup(source, store, programs, to, settings)


@dataclass
class Taking:
    """One backup while it is taken."""

    means: PreparedBackup
    standing: Standing
    destination: tuple[str, ...]
    lost: Lost
    crew: Crew = field(default_factory=Crew)
    progress: Progress = field(default_factory=Progress)
    created: datetime = field(default_factory=now)

    def __post_init__(self) -> None:
        """Give it its name."""
        database = self.means.source.identity.database
        self.name = name_for(database, union(self.standing.values()), self.created)
        self.file = self.name + (ENCRYPTED if self.means.recipients else DUMP)
        self.address = self.means.store.address(self.file)

    @property
    def _is_restored(self) -> bool:
        return self.means.settings.backup_verify == "restore"

    def look(self) -> None:
        """Say how far it is; raises the error of a lock that is lost."""
        self.progress.look()
        if error := self.lost():
            raise error

    def blame_the_server(self) -> None:
        """Raise the error of a lost lock where that is why a dump failed; it is noticed late."""
        ends = time.monotonic() + _NOTICED_WITHIN_S
        while time.monotonic() < ends:
            if error := self.lost():
                raise error
            time.sleep(_LOOK_S)

    def work(self) -> Manifest:
        """Dump, store, prove, and write the manifest."""
        began = time.monotonic()
        with self.means.source.snapshot() as snapshot, self.crew.stopping(snapshot.cancel):
            meter = self._stored(snapshot)
            contents = snapshot.contents() if self._is_restored else None
        with self._removed_unless_proven():
            self._proven(meter, snapshot, contents)
            manifest = self._manifest(meter, snapshot, contents)
            save(self.means.store, manifest)
        self._say(manifest, time.monotonic() - began)
        retain(self.means.store, manifest, self.means.settings.backup_keep)
        return manifest

    def _stored(self, snapshot: Snapshot) -> Meter:
        means, total = self.means, self.means.source.total_bytes()
        emit(
            Event.BACKUP_STARTED,
            f"Taking a backup of {readable(total)} to {self.address}.",
            address=self.address,
            database_bytes=total,
            compression=means.programs.compression,
            encrypted=bool(means.recipients),
            pg_dump=means.programs.version,
        )
        dump = partial(dumping, means.programs, means.source, snapshot.name)
        with means.store.writing(self.file, total) as write:
            meter = Meter(write)
            self.progress.begins(meter, snapshot.tables)
            with dump(self.crew, self.progress.heard) as reader:
                if means.recipients:
                    self._encrypted(reader, meter, snapshot)
                else:
                    copy(reader, meter)
        return meter

    def _encrypted(self, reader: Reader, meter: Meter, snapshot: Snapshot) -> None:
        """Encrypt the dump to the store; it is listed on its way, as later nobody here could."""
        with verify.listing(self.means.programs, self.crew) as listing:
            encrypt(Tap(reader, listing.feed), meter, self.means.recipients)
            listed = listing.tables()
        verify.lists(listed, _names(snapshot))

    def _proven(self, meter: Meter, snapshot: Snapshot, contents: Contents | None) -> None:
        means = self.means
        pieces = self.crew.unless_stopped(means.store.read(self.file))
        if means.recipients:
            return verify.read_back(self.address, pieces, meter)
        with verify.listing(means.programs, self.crew) as listing:
            if contents is None:
                verify.read_back(self.address, pieces, meter, listing.feed)
            else:
                self._restored(pieces, meter, listing, contents)
            listed = listing.tables()
        return verify.lists(listed, _names(snapshot))

    def _restored(
        self, pieces: Iterable[bytes], meter: Meter, listing: Listing, contents: Contents
    ) -> None:
        means = self.means
        with (
            means.source.scratch() as scratch,
            self.crew.stopping(scratch.connection.cancel),
            self._removed_unless_proven(),  # at once: to drop a database takes longer
        ):
            with trying(means.programs, scratch, self.crew) as trial:

                def feed(piece: bytes) -> None:
                    listing.feed(piece)
                    trial.feed(piece)

                verify.read_back(self.address, pieces, meter, feed)
                trial.finish()
            accept(means.source.mistakes(contents, scratch))

    @contextmanager
    def _removed_unless_proven(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            with suppress(MigratorError, FileNotFoundError):
                self.means.store.remove(self.file)
            raise

    def _manifest(self, meter: Meter, snapshot: Snapshot, contents: Contents | None) -> Manifest:
        means, identity = self.means, self.means.source.identity
        return Manifest(
            kind=KIND,
            format=FORMAT,
            name=self.name,
            file=self.file,
            created=self.created.isoformat().replace("+00:00", "Z"),
            database=identity.database,
            system_identifier=str(identity.system_identifier)
            if identity.system_identifier
            else None,
            server_version=means.source.readable_version,
            revisions_from=union(self.standing.values()),
            revisions_to=self.destination,
            version_tables=_tables(self.standing),
            size_bytes=meter.size_bytes,
            sha256=meter.sha256,
            compression=means.programs.compression,
            encryption="age" if means.recipients else None,
            recipients=means.settings.backup_encrypt_to,
            proof=means.settings.backup_verify,
            migrator_version=__version__,
            pg_dump_version=means.programs.version,
            deployment=deployment.known().id,
            tables={
                str(t): {"rows_estimate": t.rows_estimate, "size_bytes": t.size_bytes}
                for t in snapshot.tables
            },
            rows=contents.rows if contents else None,
        )

    def _say(self, manifest: Manifest, duration_s: float) -> None:
        emit(
            Event.BACKUP_FINISHED,
            f"Stored and proven in {duration_s:.1f} s: {readable(manifest.size_bytes)},"
            f" {self.address}.",
            address=self.address,
            size_bytes=manifest.size_bytes,
            sha256=manifest.sha256,
            proof=manifest.proof,
            duration_s=round(duration_s, 3),
        )


def _names(snapshot: Snapshot) -> Iterator[str]:
    return (f"{table.schema} {table.name}" for table in snapshot.tables)


def _tables(standing: Standing) -> Sequence[Mapping[str, Any]]:
    return [
        {"schema": table.schema or table.found_in, "name": table.name, "revisions": revisions}
        for table, revisions in standing.items()
    ]
