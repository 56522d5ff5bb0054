"""A server that speaks the protocol of S3, for backups to a bucket: moto's, as a process.

It keeps what it is given in its memory. It is no object store: what it proves is the wire, that is
how parts are uploaded, completed and aborted, and what errors look like.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import boto3

from tests.support.servers import Proxy, free_port, until_open

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGE = 10_000
"""Larger than any answer but a part of an object."""
_KEYS = {"AWS_ACCESS_KEY_ID": "bucket-user", "AWS_SECRET_ACCESS_KEY": "bucket-secret-word"}


@dataclass(frozen=True)
class Bucket:
    """A bucket of a test's own, on a server that is shared."""

    endpoint: str
    name: str

    @property
    def url(self) -> str:
        """What MIGRATOR_BACKUP_TO names."""
        return f"s3://{self.name}/releases"

    @property
    def env(self) -> dict[str, str]:
        """The variables that lead to it."""
        return {**_KEYS, "AWS_ENDPOINT_URL": self.endpoint, "AWS_REGION": "us-east-1"}

    @property
    def client(self) -> Any:  # noqa: ANN401 - a client of boto3's
        """A client of somebody else's making."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=_KEYS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=_KEYS["AWS_SECRET_ACCESS_KEY"],
        )

    def keys(self) -> list[str]:
        """Give the names of the objects."""
        found = self.client.list_objects_v2(Bucket=self.name).get("Contents", [])
        return [each["Key"] for each in found]

    def read(self, key: str) -> bytes:
        """Give an object."""
        return bytes(self.client.get_object(Bucket=self.name, Key=key)["Body"].read())

    def unfinished(self) -> list[str]:
        """Give the names of uploads that were neither completed nor aborted."""
        found = self.client.list_multipart_uploads(Bucket=self.name).get("Uploads", [])
        return [each["Key"] for each in found]

    @contextmanager
    def knowing_nobody(self) -> Iterator[None]:
        """Let the server check who asks, and know nobody, for as long as the block lasts."""
        self._let_in(0)
        try:
            yield
        finally:
            self._let_in(10**9)

    def _let_in(self, requests: int) -> None:
        address = f"{self.endpoint}/moto-api/reset-auth"
        told = urllib.request.Request(  # noqa: S310 - http, here
            address, str(requests).encode(), {"Content-Type": "text/plain"}
        )
        with urllib.request.urlopen(told):  # noqa: S310
            pass


class _Port:
    """What a proxy stands in front of."""

    def __init__(self, endpoint: str) -> None:
        parts = urlsplit(endpoint)
        self._address = (parts.hostname, parts.port)

    def place(self) -> tuple[int, Any]:
        return socket.AF_INET, self._address


class Faulty(Proxy):
    """A network to the store that breaks, or brings back something else than was stored."""

    def __init__(
        self, endpoint: str, *, breaks_after: int | None = None, alters: bool = False
    ) -> None:
        """Break after so many bytes upwards; alter what comes down in large pieces."""
        self._left, self._alters = breaks_after, alters
        super().__init__(_Port(endpoint))
        self.endpoint = f"http://{self.host}:{self.port}"

    def forwarded(self, data: bytes, *, upwards: bool) -> bytes:
        """Give what goes on in place of these bytes."""
        if upwards and self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                self.close()
        if self._alters and not upwards and len(data) > _LARGE:
            return data[:-1] + bytes([data[-1] ^ 1])
        return data


@contextmanager
def buckets() -> Iterator[str]:
    """Run the server; gives its endpoint."""
    port = free_port()
    line = [sys.executable, "-m", "moto.server", "--host=127.0.0.1", f"--port={port}"]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(line, stdout=quiet, stderr=quiet)
    try:
        until_open(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def bucket(endpoint: str, name: str) -> Bucket:
    """Make a bucket."""
    made = Bucket(endpoint, name)
    made.client.create_bucket(Bucket=name)
    return made
