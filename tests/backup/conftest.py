"""Fixtures: a store of S3, started once, and a bucket of each test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.buckets import Bucket, bucket, buckets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.servers import Database


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """Give the address of the store."""
    with buckets() as found:
        yield found


@pytest.fixture
def store(endpoint: str, database: Database) -> Bucket:
    """Give a bucket with the name of the test's database."""
    return bucket(endpoint, database.name.replace("_", "-"))
