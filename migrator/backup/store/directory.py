"""Keep backups in a directory; a file appears only when it is whole and on disk."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from migrator.errors import ConfigurationError, StorageError
from migrator.process import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MOUNTS = Path("/proc/self/mountinfo")
_THROWN_AWAY = {
    "overlay": "is in the container's own file system, which is thrown away with it",
    "aufs": "is in the container's own file system, which is thrown away with it",
    "tmpfs": "is in memory (tmpfs), which is gone after a restart",
    "ramfs": "is in memory (ramfs), which is gone after a restart",
}
_PIECE = 1 << 20
_HIDDEN = "."


class Directory:
    """A directory that somebody keeps."""

    def __init__(self, path: str, *, ephemeral: bool) -> None:
        """Keep files in it; `ephemeral` allows one that is thrown away."""
        self._root, self._ephemeral = Path(path), ephemeral

    def address(self, name: str) -> str:
        """Give the file's URL."""
        return "file://" + quote(str(self._root / name))

    def check(self) -> None:
        """See that it is there, takes files, and is not thrown away with the container."""
        problem = self._problem()
        if problem:
            raise ConfigurationError(
                f"MIGRATOR_BACKUP_TO: {problem}.",
                hint="Take a directory on a volume, or an object store (s3://, gs://, az://)."
                " Nothing was migrated.",
            )

    @contextmanager
    def writing(self, name: str, expected_bytes: int) -> Iterator[Callable[[bytes], object]]:
        """Write under a hidden name; once all is on the disk, give it its own."""
        del expected_bytes
        final = self._root / name
        partial = final.with_name(f"{_HIDDEN}{final.name}.partial")
        with _spoken(final):
            self._make_folder(final.parent)
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                yield lambda data: _write(file.fileno(), data, final)
                with _spoken(final):
                    os.fsync(file.fileno())
            with _spoken(final):
                partial.rename(final)
                _sync(final.parent)
        except BaseException:
            with suppress(OSError):
                partial.unlink()
            raise

    def read(self, name: str) -> Iterator[bytes]:
        """Give the file in pieces."""
        path = self._root / name
        with _spoken(path, absent=True), path.open("rb", buffering=0) as file:
            while piece := file.read(_PIECE):
                yield piece

    def on_disk(self, name: str) -> str | None:
        """Give the file's path."""
        return str(self._root / name)

    def sizes(self, folder: str) -> dict[str, int]:
        """Give the size of each file under a folder; what is being written is none yet."""
        with _spoken(self._root):
            found = sorted((self._root / folder).rglob("*"))
            return {
                str(path.relative_to(self._root)): path.stat().st_size
                for path in found
                if path.is_file() and not path.name.startswith(_HIDDEN)
            }

    def remove(self, name: str) -> None:
        """Remove the file."""
        with _spoken(self._root / name, absent=True):
            (self._root / name).unlink()

    def _problem(self) -> str | None:
        if not self._root.is_dir():
            return f"there is no directory {str(self._root)!r}"
        if not os.access(self._root, os.W_OK | os.X_OK):
            return f"this user may not write in {str(self._root)!r}"
        thrown_away = None if self._ephemeral else _short_lived(self._root)
        allow = "; ?ephemeral=ok behind the address allows it"
        return f"{str(self._root)!r} {thrown_away}{allow}" if thrown_away else None

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync(folder.parent)


@contextmanager
def _spoken(path: Path, *, absent: bool = False) -> Iterator[None]:
    """Let the system's errors come out as ours; that a file is `absent` comes as it is."""
    try:
        yield
    except OSError as error:
        if absent and isinstance(error, FileNotFoundError):
            raise
        message = f"The backup could not be kept in {path}: {error.strerror}."
        hint = "Make room, or mend what is wrong with it, and try again. Nothing was migrated."
        raise StorageError(message, hint=hint) from None


def _write(descriptor: int, data: bytes, path: Path) -> None:
    view = memoryview(data)
    with _spoken(path):
        while view:
            view = view[os.write(descriptor, view) :]


def _sync(folder: Path) -> None:
    """Bring a directory to the disk: a new name in it, that is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _short_lived(directory: Path) -> str | None:
    """Say why a backup in this directory would soon be gone, or None where nothing says so."""
    found = directory.resolve()
    if _on_railway() and not _on_its_volume(found):
        return "is on no volume of this Railway service, and a pre-deploy container has none"
    return _THROWN_AWAY.get(_file_system(found))


def _on_railway() -> bool:
    told = environment.variables()
    return bool(told.get("RAILWAY_SERVICE_ID") or told.get("RAILWAY_ENVIRONMENT_ID"))


def _on_its_volume(directory: Path) -> bool:
    volume = environment.variables().get("RAILWAY_VOLUME_MOUNT_PATH")
    if not volume or not os.path.ismount(volume):
        return False
    return directory.is_relative_to(Path(volume).resolve())


def _file_system(directory: Path) -> str:
    """Give the type of the file system, by the longest mount point above; empty if unknown.

    proc(5), "mountinfo": the mount point is the fifth field, the type the first behind a dash.
    """
    try:
        lines = _MOUNTS.read_text().splitlines()
    except OSError:
        return ""
    found = ("", "")
    for line in lines:
        before, _, behind = line.partition(" - ")
        point = before.split()[4].encode().decode("unicode_escape")
        if directory.is_relative_to(point) and len(point) >= len(found[0]):
            found = (point, behind.split()[0])
    return found[1]
