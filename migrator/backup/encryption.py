"""Encrypt backups to age recipients."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from migrator.errors import BackupError, ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from migrator.backup.stream import Meter, Reader

Recipients: TypeAlias = tuple[Any, ...]
"""pyrage's own objects."""
Identities: TypeAlias = tuple[Any, ...]
"""The same, of private keys."""
_EXTRA = "Install migrator with its extra `encrypt`. Nothing was tried."


def recipients(written: Sequence[str]) -> Recipients:
    """Read recipients as age writes them: `age1…`, or a public key of SSH.

    Raises `ConfigurationError` where one is none, or the extra `encrypt` is not installed.
    """
    if not written:
        return ()
    try:
        from pyrage import RecipientError, ssh, x25519  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigurationError(
            "MIGRATOR_BACKUP_ENCRYPT_TO: pyrage is not installed.", hint=_EXTRA
        ) from None
    found = []
    for each in written:
        kind = ssh if each.startswith("ssh-") else x25519
        try:
            found.append(kind.Recipient.from_str(each))
        except RecipientError as error:
            message = f"MIGRATOR_BACKUP_ENCRYPT_TO: {each!r} is no recipient: {error}."
            hint = "It is a public key: age1…, or ssh-ed25519 …, or ssh-rsa …."
            raise ConfigurationError(message, hint=hint) from None
    return tuple(found)


def encrypt(source: Reader, sink: Meter, to: Recipients) -> None:
    """Write the source to the sink, encrypted.

    Raises what the one or the other raised; pyrage gives only its text.
    """
    from pyrage import EncryptError, encrypt_io  # noqa: PLC0415 - an extra

    failures: list[BaseException] = []
    reader, writer = _Reader(source, failures), _Writer(sink, failures)
    try:
        encrypt_io(reader, writer, to)
    except EncryptError as error:
        if failures:
            raise failures[0] from None
        raise BackupError(f"The backup could not be encrypted: {error}.") from None


def identities(file: str) -> Identities:
    """Read private keys: a file of age-keygen's, with `AGE-SECRET-KEY-…`, or one of SSH.

    Raises `ConfigurationError` where there is none in it, or the extra `encrypt` is not installed.
    """
    try:
        from pyrage import IdentityError, ssh, x25519  # noqa: PLC0415 - an extra
    except ImportError:
        raise ConfigurationError("--identity: pyrage is not installed.", hint=_EXTRA) from None
    try:
        written = Path(file).read_bytes()
        if b"PRIVATE KEY-----" in written:
            return (ssh.Identity.from_buffer(written),)
        lines = (line.strip() for line in written.decode().splitlines())
        found = [x25519.Identity.from_str(each) for each in lines if each and each[0] != "#"]
    except OSError as error:
        message = f"--identity: {file} cannot be read: {error.strerror}."
        raise ConfigurationError(message, hint="Nothing was tried.") from None
    except (IdentityError, ValueError):  # what it says of a key may hold the key
        found = []
    if not found:
        message = f"--identity: there is no private key in {file}."
        hint = "It is the file that age-keygen wrote, or a private key of SSH without a passphrase."
        raise ConfigurationError(message, hint=hint)
    return tuple(found)


def decrypt(source: Reader, sink: Meter, by: Identities) -> None:
    """Write the source to the sink, decrypted.

    Raises what the one or the other raised, `ConfigurationError` where none of the keys fits, and
    `BackupError` where it is not what was encrypted.
    """
    from pyrage import DecryptError, decrypt_io  # noqa: PLC0415 - an extra

    failures: list[BaseException] = []
    try:
        decrypt_io(_Reader(source, failures), _Writer(sink, failures), by)
    except (DecryptError, OSError) as error:  # the latter in the midst of it
        if failures:
            raise failures[0] from None
        if "matching keys" in str(error):
            message = "The backup is not encrypted to the key of --identity."
            hint = "The manifest names its recipients. Nothing was restored."
            raise ConfigurationError(message, hint=hint) from None
        raise BackupError(f"The backup could not be decrypted: {error}.") from None


class _Reader:
    """Gives pieces of the size asked for, and remembers what went wrong."""

    def __init__(self, source: Reader, failures: list[BaseException]) -> None:
        self._source, self._failures = source, failures
        self._left = memoryview(b"")

    def read(self, size: int) -> bytes:
        with _remembered(self._failures):
            self._left = self._left or memoryview(self._source.read())
        piece, self._left = self._left[:size], self._left[size:]
        return bytes(piece)


class _Writer:
    """Passes on, and remembers what went wrong."""

    def __init__(self, sink: Meter, failures: list[BaseException]) -> None:
        self._sink, self._failures = sink, failures

    def write(self, data: bytes) -> int:
        with _remembered(self._failures):
            return self._sink.write(data)

    def flush(self) -> None:
        self._sink.flush()


@contextmanager
def _remembered(failures: list[BaseException]) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        failures.append(error)
        raise
