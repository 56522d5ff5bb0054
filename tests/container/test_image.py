"""What is in the image, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from testcontainers.core.docker_client import DockerClient

from tests.container.engine import HARDENED

if TYPE_CHECKING:
    from typing import Any

    from tests.container.engine import Database, Jobs


def config(image: str) -> Any:  # noqa: ANN401 - docker's JSON
    return DockerClient().client.images.get(image).attrs["Config"]


def test_its_user_is_a_number_and_not_root(release: str) -> None:
    assert config(release)["User"] == "10001:10001"


def test_it_is_stopped_by_sigterm_and_runs_run_by_default(release: str) -> None:
    assert config(release)["StopSignal"] == "SIGTERM"
    assert config(release)["Cmd"] == ["run"]


@pytest.mark.parametrize("target", ["tool", "release"])
def test_its_labels_say_what_it_is(target: str, request: pytest.FixtureRequest) -> None:
    labels = config(request.getfixturevalue(target))["Labels"]

    told = {name.removeprefix("org.opencontainers.image."): value for name, value in labels.items()}
    assert told["title"] == "migrator"
    assert told["licenses"] == "Apache-2.0"
    assert told["version"] == "1.2.3"
    assert told["revision"] == "abc123"
    assert told["source"] == "ssh://git.test/migrator"
    assert told["description"]


def test_tini_is_process_1(release: str, jobs: Jobs) -> None:
    env = {"MIGRATOR_CONNECT_TIMEOUT": "60s"}
    job = jobs.start(release, url="postgresql://u@127.0.0.1:1/db", env=env)
    job.until("database.waiting")

    assert job.docker.exec_run(["cat", "/proc/1/comm"]).output == b"tini\n"


@pytest.mark.parametrize("program", ["pip", "pip3", "gcc", "cc", "g++", "make", "ensurepip"])
def test_it_has_neither_pip_nor_a_compiler(program: str, tool: str, jobs: Jobs) -> None:
    assert jobs.output(tool, "sh", "-c", f"command -v {program}")[0] != 0


@pytest.mark.parametrize(
    "python", ["/opt/migrator/bin/python", "$(PATH=/usr/local/bin:/usr/bin command -v python3)"]
)
@pytest.mark.parametrize("module", ["pip", "ensurepip"])
def test_no_python_of_it_has_pip(python: str, module: str, tool: str, jobs: Jobs) -> None:
    code, said = jobs.output(tool, "sh", "-c", f"{python} -m {module} --version")

    assert code == 1
    assert f"No module named {module}" in said


def test_no_cache_and_no_package_list_is_left(tool: str, jobs: Jobs) -> None:
    folders = "/root/.cache /src /image /opt/build"
    assert jobs.output(tool, "sh", "-c", f"ls -d {folders} 2>/dev/null")[1] == ""
    assert jobs.output(tool, "ls", "/var/lib/apt/lists")[1] == ""


@pytest.mark.parametrize("program", ["pg_dump", "pg_restore", "psql"])
def test_it_has_the_programs_of_postgresql(program: str, tool: str, jobs: Jobs) -> None:
    code, said = jobs.output(tool, program, "--version")

    assert code == 0
    assert said.startswith(f"{program} (PostgreSQL) ")


@pytest.mark.parametrize("folder", ["/opt/migrator/lib", "/app"])
def test_every_module_is_compiled(folder: str, release: str, jobs: Jobs) -> None:
    source = (
        "import pathlib, importlib.util as u, sys;"
        f"all = [str(p) for p in pathlib.Path({folder!r}).rglob('*.py')];"
        "assert all;"
        "print(*[p for p in all if not pathlib.Path(u.cache_from_source(p)).is_file()])"
    )
    assert jobs.output(release, "python", "-c", source) == (0, "\n")


def test_the_standard_library_is_compiled(tool: str, jobs: Jobs) -> None:
    source = (
        "import asyncio, json, logging, importlib.util as u, pathlib, sys;"
        "files = [m.__file__ for m in sys.modules.values() if getattr(m, '__file__', None)];"
        "assert len(files) > 50;"
        "print(*[f for f in files if f.endswith('.py')"
        " and not pathlib.Path(u.cache_from_source(f)).is_file()])"
    )
    assert jobs.output(tool, "python", "-c", source) == (0, "\n")


def test_its_user_can_write_to_tmp_alone(release: str, jobs: Jobs) -> None:
    line = "find / -xdev -writable -not -type l -not -path '/tmp*' -not -path '/dev*' 2>/dev/null"
    found = jobs.output(release, "sh", "-c", line)[1].split()

    assert set(found) <= {"/run/lock", "/var/tmp"}  # noqa: S108 - Debian's, open to all


def test_the_tool_says_that_it_has_no_project(tool: str, jobs: Jobs, target: Database) -> None:
    ended = jobs.run(tool, url=target.url, **HARDENED)

    assert ended.exit_code == ended.report["exit_code"] == 66
    assert "There is no Alembic project here" in ended.report["error"]["message"]
    assert target.tables() == set()


@pytest.mark.parametrize(
    ("entrypoint", "command"),
    [
        (None, []),
        (None, ["run"]),
        (None, ["migrator", "run"]),
        (None, ["--log-level", "info"]),
        (None, ["migrator"]),
        ("migrator", ["run"]),
        (["migrator", "run"], []),
        (["sh", "-c", "migrator run"], []),
        (["/usr/bin/env"], ["migrator", "run"]),
    ],
)
def test_platforms_may_keep_or_replace_the_entrypoint(
    entrypoint: str | list[str] | None, command: list[str], release: str, jobs: Jobs
) -> None:
    ended = jobs.run(release, *command, **({"entrypoint": entrypoint} if entrypoint else {}))

    assert ended.exit_code == 78
    assert "no database" in ended.report["error"]["message"]
