"""Fixtures: the images, a network, a Postgres in it, a fresh database a test."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from docker.errors import DockerException  # type: ignore[import-untyped] # publishes no types
from testcontainers.core.docker_client import DockerClient
from testcontainers.core.network import Network

from tests.container.engine import Jobs, build, fresh, postgres, required, unavailable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testcontainers.core.container import DockerContainer

    from tests.container.engine import Database

HERE = Path(__file__).parent
HOST = "db"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them slow, with time to build images; if no engine answers, skip what needs one."""
    ours = [item for item in items if HERE in item.path.parents]
    reason = "" if not ours or required() else silence()
    for item in ours:
        item.add_marker(pytest.mark.slow)
        item.add_marker(pytest.mark.timeout(900))
        if reason and "engine" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.skip(reason=reason))


def silence() -> str:
    """Say why there is no Docker engine; nothing where one answers."""
    try:
        DockerClient().client.ping()
    except DockerException as error:
        return f"no Docker engine answers: {error}"
    return ""


@pytest.fixture(scope="session")
def engine() -> None:
    """Fail where there must be an engine and there is none."""
    if reason := silence():
        unavailable(reason)


@pytest.fixture(scope="session")
def tool(engine: None) -> str:  # noqa: ARG001 - must be there
    """Give the image with no project in it."""
    return build("tool")


@pytest.fixture(scope="session")
def release(engine: None) -> str:  # noqa: ARG001 - must be there
    """Give the image that a bare `docker build` makes."""
    return build(None)


@pytest.fixture(scope="session")
def network(engine: None) -> Iterator[Network]:  # noqa: ARG001 - must be there
    """Give the network of this session."""
    with Network() as made:
        yield made


@pytest.fixture(scope="session")
def db(network: Network) -> Iterator[DockerContainer]:
    """Give the Postgres of this session."""
    with postgres(network, HOST) as running:
        yield running


@pytest.fixture
def target(db: DockerContainer) -> Iterator[Database]:
    """Give an empty database of this test's own."""
    with fresh(db, HOST) as made:
        yield made


@pytest.fixture
def jobs(network: Network) -> Iterator[Jobs]:
    """Give what starts containers, and remove them."""
    started = Jobs(network)
    yield started
    started.close()
