"""Fixtures: one server a session, a fresh database a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import Database, Server


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Give the Postgres of this session."""
    with servers.server() as running:
        yield running


@pytest.fixture
def database(server: Server) -> Iterator[Database]:
    """Give an empty database of this test's own."""
    with server.fresh() as made:
        yield made
