"""A server that speaks the protocol of S3, moto's, and a bucket on it."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import EndpointConnectionError

from benchmarks.server import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEYS = {"AWS_ACCESS_KEY_ID": "bucket-user", "AWS_SECRET_ACCESS_KEY": "bucket-secret-word"}
_WITHIN_S = 60


@dataclass(frozen=True)
class Bucket:
    """A bucket, on a server of its own."""

    endpoint: str
    name: str = "benchmark"

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


@contextmanager
def bucket() -> Iterator[Bucket]:
    """Run the server, and make the bucket."""
    port = free_port()
    line = [sys.executable, "-m", "moto.server", "--host=127.0.0.1", f"--port={port}"]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(line, stdout=quiet, stderr=quiet)
    try:
        made = Bucket(f"http://127.0.0.1:{port}")
        _create(made)
        yield made
    finally:
        process.terminate()
        process.wait(10)


def _create(made: Bucket) -> None:
    """Make it as soon as the server listens."""
    deadline = time.monotonic() + _WITHIN_S
    while True:
        try:
            made.client.create_bucket(Bucket=made.name)
        except EndpointConnectionError:
            assert time.monotonic() < deadline, "moto's server does not listen"
            time.sleep(0.1)
        else:
            return
