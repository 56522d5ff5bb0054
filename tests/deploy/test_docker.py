"""The files of deploy/docker/: what they say, and that the script runs what it should."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.deploy import files

if TYPE_CHECKING:
    from pathlib import Path

APPLICATION, FROM_TOOL, COPY_FROM_TOOL = (
    f"docker/Dockerfile.{name}" for name in ("application", "from-tool", "copy-from-tool")
)
SCRIPT = "docker/run.sh"
PAGES = files.ROOT / "docs/how-to/deploy"
INSTRUCTIONS = {
    APPLICATION: "FROM WORKDIR COPY RUN COPY RUN COPY USER CMD",
    FROM_TOOL: "ARG FROM COPY COPY",
    COPY_FROM_TOOL: "ARG FROM FROM WORKDIR COPY RUN COPY RUN ENV COPY USER CMD",
}
"""docs.docker.com/reference/dockerfile, in the order of each file."""
COVERED = {*INSTRUCTIONS, SCRIPT}
FLAGS = {
    "--rm",
    "--env",
    "--volume",
    "--workdir",
    "--read-only",
    "--tmpfs",
    "--cap-drop",
    "--security-opt",
}
"""docs.docker.com/reference/cli/docker/container/run."""


def instructions(text: str) -> list[tuple[str, str]]:
    """Give each instruction of a Dockerfile and what follows it."""
    joined = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    lines = [line.partition(" ") for line in joined.splitlines() if line.strip()]
    return [(word, rest.strip()) for word, _, rest in lines]


@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_every_instruction_is_one_of_docker(name: str) -> None:
    said = [word for word, _ in instructions(files.text(name))]
    assert said == INSTRUCTIONS[name].split()


@pytest.mark.parametrize("name", [APPLICATION, COPY_FROM_TOOL])
def test_every_option_of_pip_is_one_that_it_has(name: str) -> None:
    line = [sys.executable, "-m", "pip", "install", "--help"]
    known = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    commands = [rest for word, rest in instructions(files.text(name)) if word == "RUN"]
    options = re.findall(r"--[\w-]+", " ".join(commands))
    assert options
    assert not [option for option in options if option not in known]


@pytest.mark.parametrize("name", [APPLICATION, COPY_FROM_TOOL])
def test_the_user_is_a_number_which_kubernetes_can_tell_from_root(name: str) -> None:
    assert ("USER", "10001:10001") in instructions(files.text(name))


def test_what_is_copied_from_the_tool_is_where_its_dockerfile_puts_it() -> None:
    own = (files.ROOT / "Dockerfile").read_text()
    copied = dict(instructions(files.text(COPY_FROM_TOOL)))
    assert "--from=tool /opt/migrator /opt/migrator" in files.text(COPY_FROM_TOOL)
    assert copied["ENV"] == "PYTHONPATH=/usr/local/lib/python3.13/site-packages"
    assert re.search(r"^COPY --from=\w+ /opt/migrator /opt/migrator$", own, re.MULTILINE)


def test_what_is_copied_from_the_tool_meets_the_python_that_it_was_made_for() -> None:
    base = ("FROM", _base((files.ROOT / "Dockerfile").read_text()))
    assert base in instructions(files.text(COPY_FROM_TOOL))
    assert base in instructions(files.text(APPLICATION))


def _base(dockerfile: str) -> str:
    """Give the image that a Dockerfile's PYTHON_IMAGE is by default."""
    known: dict[str, str] = {}
    for word, rest in instructions(dockerfile):
        if word == "ARG":
            name, _, default = rest.partition("=")
            known[name] = re.sub(r"\$\{(\w+)\}", lambda found: known[found[1]], default)
    return known["PYTHON_IMAGE"]


@pytest.mark.parametrize(
    ("page", "name"),
    [("application-image.md", APPLICATION), ("tool-image.md", COPY_FROM_TOOL)],
)
def test_the_lines_that_a_page_gives_for_another_dockerfile_are_those_of_ours(
    page: str, name: str
) -> None:
    block = re.findall(r"```dockerfile\n(.*?)```", (PAGES / page).read_text(), re.DOTALL)[-1]
    ours = instructions(files.text(name).replace("${TOOL_IMAGE}", "migrator:tool"))
    assert len(instructions(block)) > 1
    assert set(instructions(block)) <= set(ours)


def test_the_project_is_copied_to_where_the_tool_starts() -> None:
    own = instructions((files.ROOT / "Dockerfile").read_text())
    copies = [
        rest.split()[-1] for word, rest in instructions(files.text(FROM_TOOL)) if word == "COPY"
    ]
    assert ("WORKDIR", "/app") in own
    assert copies == ["/app/", "/app/alembic/"]


def test_the_script_runs_the_tool_with_no_more_rights_than_it_needs(tmp_path: Path) -> None:
    said = _said(
        tmp_path, "--target", "r2", MIGRATOR_DATABASE_URL="postgresql://shop:secret@db/shop"
    )
    image = said.index("migrator:tool")
    assert said[0] == "run"
    assert {word for word in said[:image] if word.startswith("--")} == FLAGS
    assert f"{tmp_path}:/project:ro" in said
    assert files.command_of(said[image + 1 :]) == "run"
    assert said[image + 1 :] == ["run", "--target", "r2"]


def test_the_line_that_the_page_gives_without_the_script_is_the_scripts(tmp_path: Path) -> None:
    said = _said(tmp_path, MIGRATOR_DATABASE_URL="postgresql://shop:secret@db/shop")
    (line,) = re.findall(r"^docker (run .*)$", (PAGES / "docker-run.md").read_text(), re.MULTILINE)
    assert shlex.split(line.replace("$PWD", str(tmp_path))) == said


def test_the_script_puts_no_password_into_the_process_list(tmp_path: Path) -> None:
    said = _said(tmp_path, MIGRATOR_DATABASE_URL="postgresql://shop:secret@db/shop")
    assert "secret" not in " ".join(said)
    assert said[said.index("--env") + 1] == "MIGRATOR_DATABASE_URL"


def test_the_script_says_what_is_missing(tmp_path: Path) -> None:
    ended = _run(tmp_path)
    assert ended.returncode != 0
    assert "MIGRATOR_DATABASE_URL: set it" in ended.stderr


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="no shellcheck here")
def test_shellcheck_finds_nothing_in_the_script() -> None:
    line = ["shellcheck", str(files.DEPLOY / SCRIPT)]
    ended = subprocess.run(line, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


def _said(home: Path, *arguments: str, **env: str) -> list[str]:
    """Give the arguments with which the script started docker."""
    ended = _run(home, *arguments, **env)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def _run(home: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the script with a docker that prints its arguments, one a line."""
    fake = home / "bin/docker"
    fake.parent.mkdir(exist_ok=True)
    fake.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    fake.chmod(0o755)
    path = f"{fake.parent}:{os.environ['PATH']}"
    return subprocess.run(
        [str(files.DEPLOY / SCRIPT), *arguments],
        cwd=home,
        env={"PATH": path} | env,
        capture_output=True,
        text=True,
        check=False,
    )
