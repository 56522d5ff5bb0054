"""The Dockerfile built by BuildKit, as the fixtures do by the classic builder; and FROM it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.container.engine import ROOT, build, build_arguments, unavailable

if TYPE_CHECKING:
    from tests.container.engine import Database, Jobs

MISSING = "buildx component is missing"


def clients() -> list[Path]:
    """Give every docker client on the PATH: an old one has BuildKit built in, a new one may not."""
    places = [Path(folder) / "docker" for folder in os.get_exec_path()]
    return list({place.resolve(): place for place in places if place.is_file()}.values())


def buildkit(client: Path) -> subprocess.CompletedProcess[str]:
    arguments = [f"--build-arg={name}={value}" for name, value in build_arguments().items()]
    network = os.environ.get("TEST_BUILD_NETWORK")
    line = [str(client), "build", "--tag=migrator-test/buildkit", *arguments]
    line += [f"--network={network}"] if network else []
    return subprocess.run(
        [*line, str(ROOT)],
        env={**os.environ, "DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.usefixtures("engine")
def test_buildkit_builds_it_too(jobs: Jobs) -> None:
    tried = (buildkit(client) for client in clients())
    built = next((each for each in tried if MISSING not in each.stderr), None)
    if built is None:
        unavailable("no docker client here has BuildKit")
        return

    assert built.returncode == 0, built.stderr
    assert jobs.run("migrator-test/buildkit", "--version").exit_code == 0


def test_the_dockerfile_asks_for_no_frontend_and_no_cache_mount() -> None:
    text = (ROOT / "Dockerfile").read_text()

    assert "syntax=" not in text
    assert "--mount" not in text
    assert "<<" not in text


def test_an_image_from_the_tool_runs_the_project_that_it_adds(
    tool: str, jobs: Jobs, target: Database
) -> None:
    file, arguments = "deploy/docker/Dockerfile.from-tool", {"TOOL_IMAGE": tool}
    image = build(None, file=file, tag="from-tool", arguments=arguments)

    ended = jobs.run(image, url=target.url)
    assert ended.exit_code == 0, ended.output
    assert target.revisions() == ended.report["to"]
