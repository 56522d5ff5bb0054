"""The Docker engine, what is built on it, and the containers that tests start there."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from tests.support.command import TREES, Ended, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from testcontainers.core.network import Network

testcontainers_config.ryuk_disabled = True  # an image of its own; each test ends what it started

ROOT = Path(__file__).parent.parent.parent
POSTGRES_IMAGE = os.environ.get("TEST_POSTGRES_IMAGE", "postgres:18")
PASSWORD = "a password of the tests"  # noqa: S105 - its database lives as long as a test
HARDENED = {
    "read_only": True,
    "user": "12345:0",
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges"],
}
"""What a restricted Kubernetes namespace or a careful person asks of a container."""


def required() -> bool:
    """Say whether these tests must not be skipped: in CI, and where somebody asks for it."""
    return bool(os.environ.get("CI") or os.environ.get("TEST_REQUIRE_DOCKER"))


def unavailable(what: str) -> None:
    """Skip the test for want of this, or fail it where it must not be skipped."""
    if required():
        pytest.fail(f"{what}; .ci/with-docker starts an engine with all of it")
    pytest.skip(what)


def build_arguments() -> dict[str, str]:
    """Give the Dockerfile's arguments for the base images there are here."""
    asked = {
        "PYTHON_IMAGE": os.environ.get("TEST_PYTHON_IMAGE"),
        "POSTGRES_CLIENT": os.environ.get("TEST_POSTGRES_CLIENT"),
    }
    given = {name: value for name, value in asked.items() if value}
    return given | {"VERSION": "1.2.3", "REVISION": "abc123", "SOURCE": "ssh://git.test/migrator"}


def build(
    target: str | None,
    *,
    place: Path = ROOT,
    file: str = "Dockerfile",
    tag: str | None = None,
    arguments: Mapping[str, str] | None = None,
) -> str:
    """Build a target of a Dockerfile, or its last, by the classic builder; gives its tag."""
    image, _ = DockerClient().client.images.build(
        path=str(place),
        dockerfile=file,
        target=target,
        tag=f"migrator-test/{tag or target or 'default'}",
        buildargs=dict(build_arguments() if arguments is None else arguments),
        network_mode=os.environ.get("TEST_BUILD_NETWORK"),
        rm=True,
    )
    return str(image.tags[0])


class Job:
    """A container of the image under test."""

    def __init__(self, container: DockerContainer) -> None:
        """Start it."""
        self._started = container.start()
        self.docker: Any = container.get_wrapped_container()

    def heard(self) -> list[dict[str, Any]]:
        """Give the whole lines it has written so far."""
        written = self._started.get_logs()[0].decode()
        return [json.loads(line) for line in written.splitlines(keepends=True) if line[-1] == "\n"]

    def until(self, event: str, **fields: object) -> None:
        """Wait for a line of this event with these fields."""
        wanted = {"event": event, **fields}
        eventually(lambda: any(wanted.items() <= line.items() for line in self.heard()), 30)

    def end(self, timeout_s: float = 90) -> Ended:
        """Wait for it as `docker wait` does."""
        code = int(self.docker.wait(timeout=timeout_s)["StatusCode"])
        stdout, stderr = self._started.get_logs()
        return Ended(code, stdout.decode(), stderr.decode())

    def close(self) -> None:
        """Remove it."""
        self._started.stop()


class Jobs:
    """Starts containers of the image under test, and removes them all."""

    def __init__(self, network: Network) -> None:
        """Start them in this network."""
        self._network = network
        self._started: list[Job] = []

    def start(
        self,
        image: str,
        *command: str,
        url: str | None = None,
        tree: str | None = None,
        env: Mapping[str, str] | None = None,
        **options: Any,  # noqa: ANN401 - docker's own
    ) -> Job:
        """Start one; a tree is mounted at /app."""
        container = DockerContainer(image).with_network(self._network).with_tmpfs_mount("/tmp")  # noqa: S108
        container.with_kwargs(**options).with_envs(**(env or {}))
        if command:
            container.with_command(list(command))
        if url:
            container.with_env("MIGRATOR_DATABASE_URL", url)
        if tree:
            container.with_volume_mapping(TREES / tree, "/app")
        self._started.append(Job(container))
        return self._started[-1]

    def run(self, image: str, *command: str, **how: Any) -> Ended:  # noqa: ANN401 - as start()
        """Start one and wait for its end."""
        return self.start(image, *command, **how).end()

    def output(self, image: str, *line: str) -> tuple[int, str]:
        """Run a program of the image's own instead of its entrypoint; gives code and output."""
        ended = self.run(image, entrypoint=list(line))
        return ended.exit_code, ended.output

    def close(self) -> None:
        """Remove them."""
        for each in self._started:
            each.close()


@dataclass(frozen=True)
class Database:
    """A database of a test's own, asked from inside its container."""

    server: DockerContainer
    host: str
    name: str

    @property
    def url(self) -> str:
        """Its URL in the network of the tests."""
        return f"postgresql://postgres:{PASSWORD.replace(' ', '%20')}@{self.host}/{self.name}"

    def rows(self, query: str) -> list[str]:
        """Give the rows of a query, columns parted by |."""
        line = ["psql", "-XtA", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", self.name]
        result = self.server.exec([*line, "-c", query])
        assert result.exit_code == 0, result.output.decode()
        return result.output.decode().splitlines()

    def tables(self) -> set[str]:
        """Give the names of the tables."""
        return set(self.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))

    def revisions(self) -> list[str]:
        """Give the rows of the version table."""
        return self.rows("SELECT version_num FROM alembic_version ORDER BY 1")

    def statements(self) -> int:
        """Give how many sessions in it are busy, this one apart."""
        query = (
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'active'"
            " AND datname = current_database() AND pid <> pg_backend_pid()"
        )
        return int(self.rows(query)[0])


@contextmanager
def postgres(network: Network, host: str) -> Iterator[DockerContainer]:
    """Run a Postgres that answers to this name."""
    container = DockerContainer(POSTGRES_IMAGE).with_network(network).with_network_aliases(host)
    with container.with_env("POSTGRES_PASSWORD", PASSWORD) as started:
        eventually(lambda: answers(started), 60)
        yield started


def answers(server: DockerContainer) -> bool:
    """Say whether it accepts connections by TCP, which it does once its data is made."""
    return server.exec(["pg_isready", "-q", "-h", "127.0.0.1", "-U", "postgres"]).exit_code == 0


@contextmanager
def fresh(server: DockerContainer, host: str) -> Iterator[Database]:
    """Give a new database, and drop it."""
    maintenance, name = Database(server, host, "postgres"), f"test_{secrets.token_hex(6)}"
    maintenance.rows(f"CREATE DATABASE {name}")
    try:
        yield Database(server, host, name)
    finally:
        maintenance.rows(f"DROP DATABASE {name} WITH (FORCE)")


def applied(ended: Ended) -> Sequence[str]:
    """Give the revisions a run says it applied."""
    return [each["revision"] for each in ended.report["applied"]]
