"""Load a stored backup into a database, after comparing it with its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator.backup.encryption import decrypt, identities
from migrator.backup.store.store import store_at
from migrator.backup.stream import Meter
from migrator.database.pgtools.pg_dump import remark
from migrator.database.pgtools.pg_restore import restoring
from migrator.database.pgtools.programs import major_of, restorer_for
from migrator.errors import BackupError, ConfigurationError, StorageError
from migrator.output.text import readable

if TYPE_CHECKING:
    from migrator.backup.encryption import Identities
    from migrator.backup.manifest import Manifest
    from migrator.backup.store.store import Store
    from migrator.database.pgtools.pg_restore import Restorer, Target
    from migrator.database.pgtools.worker import Crew

_TO_NOBODY = ("--no-owner", "--no-privileges")
_HINT = "Mend what it says, and try again. Nothing was replaced."
_LACKS_A_ROLE = (
    "Make the roles that the dump names (pg_dumpall --globals-only has them), or give it all to the"
    " role that restores: --no-owner. Nothing was replaced."
)


@dataclass(frozen=True, slots=True)
class Manner:
    """How it is to be done."""

    identity: str | None = None
    """The file with the private key of an encrypted backup."""
    jobs: int = 4
    """So many tables at a time, where pg_restore can read the dump by itself."""
    no_owner: bool = False
    """All belongs to the role that restores, and nobody is granted anything."""


@dataclass(frozen=True, slots=True)
class PreparedRestore:
    """All that a restore needs besides a database."""

    manifest: Manifest
    store: Store
    pg_restore: str
    identities: Identities
    manner: Manner

    @property
    def address(self) -> str:
        """Where the dump is."""
        return self.store.address(self.manifest.file)

    def restore(self, into: Target, crew: Crew) -> None:
        """Restore it, and see that what was read is what was stored.

        Raises `StorageError` where it is not, whatever pg_restore made of it, and `BackupError`
        where pg_restore fails.
        """
        path = None if self.identities else self.store.on_disk(self.manifest.file)
        if path:
            _Stored(self, crew).compare()
            self._from_disk(path, into, crew)
        else:
            self._streamed(into, crew)

    def _from_disk(self, path: str, into: Target, crew: Crew) -> None:
        """Let pg_restore read the file by itself: only so can it restore tables side by side."""
        options = (*self._options, f"--jobs={self.manner.jobs}", path)
        with restoring(self.pg_restore, options, into, crew, fed=False) as restorer:
            _accept(restorer)

    def _streamed(self, into: Target, crew: Crew) -> None:
        stored = _Stored(self, crew)
        with restoring(self.pg_restore, self._options, into, crew, fed=True) as restorer:
            try:
                self._feed(stored, restorer)
            except (BackupError, ConfigurationError):
                stored.compare()  # a dump that was changed is why it could not be decrypted
                raise
            stored.compare()
            _accept(restorer)

    def _feed(self, stored: _Stored, restorer: Restorer) -> None:
        if self.identities:
            return decrypt(stored, Meter(restorer.write), self.identities)
        while piece := stored.read():
            if not restorer.write(piece):
                return None
        return None

    @property
    def _options(self) -> tuple[str, ...]:
        return _TO_NOBODY if self.manner.no_owner else ()


class _Stored:
    """What is stored, read once, counted and hashed."""

    def __init__(self, means: PreparedRestore, crew: Crew) -> None:
        self._address, self._manifest = means.address, means.manifest
        self._meter = Meter(lambda _: None)
        self._pieces = crew.unless_stopped(means.store.read(means.manifest.file))

    def read(self, _size: int = -1) -> bytes:
        """Give the next piece, or nothing at the end."""
        try:
            piece = next(self._pieces, b"")
        except FileNotFoundError:
            message = f"{self._address} is not there."
            raise StorageError(message, hint="Take another backup.") from None
        self._meter.write(piece)
        return piece

    def compare(self) -> None:
        """Read what is left; raises `StorageError` where it is not what the manifest says."""
        while self.read():
            pass
        found, expected = self._meter, self._manifest
        if (found.size_bytes, found.sha256) == (expected.size_bytes, expected.sha256):
            return
        raise StorageError(
            f"{self._address} is not what was stored: {found.size_bytes:,} bytes with SHA-256"
            f" {found.sha256}, not {expected.size_bytes:,} with {expected.sha256}.",
            hint="It was changed or damaged: take another backup (migrator backups). Nothing was"
            " replaced.",
        )


def prepare(
    manifest: Manifest,
    url: str,
    server_version: int,
    manner: Manner,
    crew: Crew,
) -> PreparedRestore:
    """See that this backup can be restored into a server of this `server_version_num`.

    Raises `ConfigurationError` where the server is older or a private key is missing,
    `ClientError` where there is no pg_restore that can read it.
    """
    if major_of(manifest.server_version) > server_version // 10_000:
        raise ConfigurationError(
            f"The backup is of Postgres {manifest.server_version}, and this server is"
            f" {server_version // 10_000}: an older server cannot take it.",
            hint="Restore it into a server of that version or a later one. Nothing was touched.",
        )
    if manifest.encryption and not manner.identity:
        message = f"The backup {manifest.name} is encrypted, and needs a private key."
        raise ConfigurationError(message, hint="--identity FILE. Nothing was touched.")
    keys = identities(manner.identity) if manifest.encryption and manner.identity else ()
    program = restorer_for(manifest.pg_dump_version, server_version, crew)
    return PreparedRestore(manifest, store_at(url), program, keys, manner)


def begins(means: PreparedRestore, into: str) -> None:
    """Log what is restored, and into which database for the time being."""
    told = f"Restoring {means.address}, {readable(means.manifest.size_bytes)}, into {into}."
    remark(told, "info")


def _accept(restorer: Restorer) -> None:
    code = restorer.ended()
    if code == 0:
        return
    by = f"was ended by signal {-code}" if code and code < 0 else f"ended with {code}"
    lines = [f"pg_restore {by}: the backup could not be restored.", *restorer.complaints]
    lacks = any("role" in each and "does not exist" in each for each in restorer.complaints)
    raise BackupError("\n".join(lines), hint=_LACKS_A_ROLE if lacks else _HINT)
