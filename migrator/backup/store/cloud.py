"""Keep backups in object storage: S3, Google Cloud Storage, Azure (obstore).

Credentials and the endpoint come from the variables that each of them is known by
(AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, GOOGLE_SERVICE_ACCOUNT, AZURE_STORAGE_ACCOUNT_NAME, …).
"""

from __future__ import annotations

import re
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from migrator.errors import ConfigurationError, StorageError
from migrator.process import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Future

_MIB = 1 << 20
_PART = 8 * _MIB
_MOST_PARTS = 9_000
"""S3 takes 10,000 parts of an upload (its docs, "multipart upload limits")."""
_IN_MEMORY = 40 * _MIB
"""So much of an upload may be on its way at a time."""
_PIECE, _READ_AHEAD = 8 * _MIB, 1
_CLIENT = {"timeout": timedelta(minutes=3), "connect_timeout": timedelta(seconds=10)}
_RETRY = {"max_retries": 6, "retry_timeout": timedelta(seconds=60)}
_QUERY = re.compile(r"\?\S+")
_CODE = re.compile(r"<Code>(?P<code>\w+)</Code>\s*<Message>(?P<message>[^<]*)</Message>")
_NO_BUCKET = re.compile("NoSuchBucket|ContainerNotFound")
_HINT = (
    "Look at the bucket's name, the credentials in the environment and the endpoint, and try"
    " again. Nothing was migrated."
)


class Cloud:
    """A bucket or container, and a prefix in it."""

    def __init__(self, url: str) -> None:
        """Keep objects there.

        Raises `ConfigurationError` where the extra `cloud` is not installed, or the environment
        lacks what the store needs.
        """
        try:
            import obstore  # noqa: PLC0415 - an extra
            from obstore.exceptions import BaseError  # noqa: PLC0415
            from obstore.store import from_url  # noqa: PLC0415
        except ImportError:
            raise ConfigurationError(
                "MIGRATOR_BACKUP_TO: obstore is not installed.",
                hint="Install migrator with its extra `cloud`. Nothing was tried.",
            ) from None
        self._url, self._obstore = url.rstrip("/"), obstore
        self._refusals = (BaseError, OSError, ValueError)
        client: Any = {**_CLIENT, "allow_http": environment.plain_http()}
        retry: Any = _RETRY
        try:
            self._store: Any = from_url(self._url, client_options=client, retry_config=retry)
        except self._refusals as error:
            message = f"MIGRATOR_BACKUP_TO: {_first_line(error)}"
            raise ConfigurationError(message, hint=_HINT) from None

    def address(self, name: str) -> str:
        """Give the object's URL."""
        return f"{self._url}/{name}"

    def check(self) -> None:
        """See that the bucket is there and lets us look."""
        with self._spoken(self._url):
            next(iter(self._obstore.list(self._store, chunk_size=1)), None)

    @contextmanager
    def writing(self, name: str, expected_bytes: int) -> Iterator[Callable[[bytes], object]]:
        """Upload in parts, which become an object at the end; obstore aborts where we raise."""
        part = part_bytes(expected_bytes)
        at_once = max(1, _IN_MEMORY // part - 1)
        write = self._obstore.open_writer
        with (
            self._spoken(self.address(name)),
            write(self._store, name, buffer_size=part, max_concurrency=at_once) as writer,
        ):
            yield writer.write

    def read(self, name: str) -> Iterator[bytes]:
        """Give the object in pieces, each fetched while the one before it is looked at."""
        address = self.address(name)
        with self._spoken(address, absent=True), ThreadPoolExecutor(_READ_AHEAD) as pool:
            size = self._obstore.head(self._store, name)["size"]
            coming: deque[Future[bytes]] = deque()
            for start in range(0, size, _PIECE):
                end = min(size, start + _PIECE)
                coming.append(pool.submit(self._piece, name, start, end))
                if len(coming) > _READ_AHEAD:
                    yield coming.popleft().result()
            while coming:
                yield coming.popleft().result()

    def on_disk(self, name: str) -> None:
        """Give nothing: an object is no file."""

    def sizes(self, folder: str) -> dict[str, int]:
        """Give the size of each object under a folder."""
        with self._spoken(self._url):
            pages = self._obstore.list(self._store, prefix=folder or None)
            return {found["path"]: found["size"] for page in pages for found in page}

    def remove(self, name: str) -> None:
        """Remove the object."""
        with self._spoken(self.address(name), absent=True):
            self._obstore.delete(self._store, name)

    def _piece(self, name: str, start: int, end: int) -> bytes:
        return bytes(self._obstore.get_range(self._store, name, start=start, end=end))

    @contextmanager
    def _spoken(self, what: str, *, absent: bool = False) -> Iterator[None]:
        """Let the store's errors come out as ours, without what a signed URL may hold.

        An object that is `absent` is told as `FileNotFoundError` where that may be.
        """
        try:
            yield
        except self._refusals as error:
            object_only = isinstance(error, FileNotFoundError) and not _NO_BUCKET.search(str(error))
            if absent and object_only:
                raise FileNotFoundError(what) from None
            message = f"The store refuses, at {what}: {_first_line(error)}"
            raise StorageError(message, hint=_HINT) from None


def part_bytes(expected_bytes: int) -> int:
    """Give the size of an upload's parts: as small as their number allows, in whole MiB."""
    needed = -(-expected_bytes // _MOST_PARTS)
    return max(_PART, -(-needed // _MIB) * _MIB)


def _first_line(error: BaseException) -> str:
    """Give what a store said, in one line: its own code and words where it sent them."""
    said = _CODE.search(str(error))
    if said:
        return f"{said['code']}: {said['message']}"
    first = (str(error).splitlines() or [type(error).__name__])[0]
    return _QUERY.sub("", first)[:500]
