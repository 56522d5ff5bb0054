"""In the container: from `docker run` to its exit, where nothing may be written."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.bench import Command, bench
from benchmarks.goals import CONTAINER, Goal
from benchmarks.history import without_bytecode
from benchmarks.section import Section, ms, table

if TYPE_CHECKING:
    from benchmarks.bench import Bench, Extent
    from benchmarks.server import Server

TITLE = "In a container"
_HEADER = (
    *("revisions", "`alembic upgrade head`", "`migrator run`", "of Alembic's"),
    *("the first time", "of Alembic's", "`python -c pass`", "of Alembic's"),
)
_TEXT = """\
From `docker run` to its exit, nothing pending, in [the image](image.md): a read-only file system,
the project mounted without bytecode, the network of the machine. `python -c pass` is what the
engine and Python take before anything is done.

{table}"""
_NO_ENGINE = "Not measured: no Docker engine answered. `.ci/with-docker make bench` starts one."
_NO_IMAGE = "Not measured: the image could not be built on this engine."
_OF_ALEMBIC = 0.15
_FIRST_OF_ALEMBIC = 1.10
_ROOT = Path(__file__).parent.parent
_IMAGE = "migrator-benchmark"
_ARGUMENTS = {"PYTHON_IMAGE": "TEST_PYTHON_IMAGE", "POSTGRES_CLIENT": "TEST_POSTGRES_CLIENT"}
"""Those of the Dockerfile, and the variables by which .ci/with-docker gives them."""


def measure(server: Server, extent: Extent) -> Section:
    """Measure it, or say why not."""
    if not _answers():
        return Section(TITLE, _NO_ENGINE)
    if not _built():
        return Section(TITLE, _NO_IMAGE)
    goals: list[Goal] = []
    rows = [_row(server, extent, length, goals) for length in extent.lengths[1:3]]
    return Section(TITLE, _TEXT.format(table=table(_HEADER, rows)), tuple(goals))


def _row(server: Server, extent: Extent, length: int, goals: list[Goal]) -> list[str]:
    with bench(server, length) as made:
        without_bytecode(made.folder)
        ours = _run(made, "run")
        commands = [
            Command(_run(made, "alembic", "upgrade", "head", bare=True)),
            Command(ours, before=made.forgetting()),
            Command(ours),
            Command(_run(made, "python", "-c", "pass", bare=True)),
        ]
        alembic, first, later, floor = made.medians(extent, *commands)
    told = f"in a container at {length:,}, of Alembic's time"
    goals.append(Goal(CONTAINER, f"A no-op {told}", _OF_ALEMBIC, later / alembic))
    goals.append(Goal(CONTAINER, f"A first no-op {told}", _FIRST_OF_ALEMBIC, first / alembic))
    return [
        *(f"{length:,}", ms(alembic), ms(later), goals[-2].cell),
        *(ms(first), goals[-1].cell, ms(floor), f"{floor / alembic:.2f}"),
    ]


def _run(made: Bench, *arguments: str, bare: bool = False) -> str:
    """Give a line that runs the image; a bare one by tini alone, past the entrypoint."""
    line = ["docker", "run", "--rm", "--read-only", "--network=host", "--user=10001:10001"]
    line += [f"--volume={made.folder}:/app:ro", f"--env=MIGRATOR_DATABASE_URL={made.database.url}"]
    line += ["--entrypoint=tini", _IMAGE, "--"] if bare else [_IMAGE]
    return shlex.join([*line, *arguments])


def _built() -> bool:
    """Build the image for a tool, and tell whether that went well."""
    line = ["docker", "build", f"--tag={_IMAGE}", "--target=tool"]
    for argument, variable in _ARGUMENTS.items():
        line += [f"--build-arg={argument}={os.environ[variable]}"] if variable in os.environ else []
    line += [f"--network={os.environ.get('TEST_BUILD_NETWORK', 'default')}", str(_ROOT)]
    return subprocess.run(line, capture_output=True, check=False).returncode == 0


def _answers() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    return subprocess.run([docker, "version"], capture_output=True, check=False).returncode == 0
