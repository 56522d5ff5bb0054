"""The ways of the how-to pages to bring the tool and a project together, with real containers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING

from tests.command import TREES
from tests.container.engine import ROOT, build, build_arguments

if TYPE_CHECKING:
    from pathlib import Path

    from testcontainers.core.network import Network

    from tests.container.engine import Database, Jobs

BASE = "python:3.13-slim-trixie"


def test_the_tool_copied_into_the_applications_image_migrates(
    tool: str, jobs: Jobs, target: Database, tmp_path: Path
) -> None:
    """As docs/how-to/deploy/tool-image.md says, on the base image that there is here."""
    shutil.copytree(TREES / "plain", tmp_path, dirs_exist_ok=True)
    (tmp_path / "requirements.txt").touch()
    text = (ROOT / "deploy/docker/Dockerfile.copy-from-tool").read_text()
    assert f"FROM {BASE}" in text
    base = build_arguments().get("PYTHON_IMAGE", BASE)
    (tmp_path / "Dockerfile").write_text(text.replace(BASE, base))
    image = build(
        None, place=tmp_path, file="Dockerfile", tag="copy", arguments={"TOOL_IMAGE": tool}
    )

    ended = jobs.run(image, "migrator", "run", url=target.url)
    assert ended.exit_code == 0, ended.output
    assert target.revisions() == ended.report["to"] == ["r3"]


def test_the_script_migrates_the_project_of_the_current_folder(
    tool: str, network: Network, target: Database, tmp_path: Path
) -> None:
    """As docs/how-to/deploy/docker-run.md says; the tests' network stands for the user's own."""
    docker = tmp_path / "docker"
    docker.write_text(
        f'#!/bin/sh\nshift\nexec {shutil.which("docker")} run --network {network.name} "$@"\n'
    )
    docker.chmod(0o755)
    told = {"MIGRATOR_DATABASE_URL": target.url, "TOOL_IMAGE": tool}
    path = f"{tmp_path}:{os.environ['PATH']}"
    ended = subprocess.run(
        [str(ROOT / "deploy/docker/run.sh"), "--target", "r2"],
        cwd=TREES / "plain",
        env={**os.environ, **told, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert json.loads(ended.stdout.splitlines()[-1])["to"] == ["r2"]
    assert target.revisions() == ["r2"]
