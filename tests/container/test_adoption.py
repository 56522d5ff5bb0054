"""The ways of the how-to pages to bring the tool and a project together, with real containers."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.container.engine import ROOT, applied, build, build_arguments
from tests.support.command import TREES

if TYPE_CHECKING:
    from pathlib import Path

    from testcontainers.core.network import Network

    from tests.container.engine import Database, Jobs

BASE = "python:3.13-slim-trixie"
REQUIRED = ("alembic==1.14.0", "flask-migrate==4.1.0", "sqlalchemy==2.0.36")
"""What the application wants: versions that are not the newest, which it must keep."""


PACKAGES = "/usr/local/lib/python3.13/site-packages"
"""Where pip installs what the application wants, in an image of that name."""
TOOL_PAGE = ROOT / "docs/how-to/deploy/tool-image.md"


def our_base() -> str:
    """Give the name of the base image that there is here."""
    return build_arguments().get("PYTHON_IMAGE", BASE)


def on_our_base(dockerfile: str) -> str:
    """Give a Dockerfile with the base image that there is here."""
    assert re.search(rf"^FROM {re.escape(BASE)}( AS \w+)?$", dockerfile, re.MULTILINE)
    return dockerfile.replace(BASE, our_base())


def file(name: str) -> str:
    """Give a file of deploy/docker."""
    return (ROOT / "deploy/docker" / name).read_text()


def application_in(folder: Path) -> None:
    """Make an application: env.py needs it, and it needs the versions in its requirements.txt."""
    shutil.copytree(TREES / "flask_app", folder, dirs_exist_ok=True)
    (folder / "requirements.txt").write_text("\n".join(REQUIRED))


def wheel_lines() -> set[str]:
    """Give the line that makes the wheel, from the page and from the head of the Dockerfile."""
    page = (ROOT / "docs/how-to/deploy/application-image.md").read_text()
    return set(re.findall(r"pip wheel --no-deps .*", page + file("Dockerfile.application")))


@pytest.fixture(scope="module")
def application(engine: None, tmp_path_factory: pytest.TempPathFactory) -> str:  # noqa: ARG001 - must be there
    """Give the application's own image, built as docs/how-to/deploy/application-image.md says."""
    (line,) = wheel_lines()
    beside = tmp_path_factory.mktemp("beside")
    (beside / "migrator").symlink_to(ROOT)
    application_in(beside / "shop")
    subprocess.run([sys.executable, "-m", *shlex.split(line)], cwd=beside / "shop", check=True)
    (beside / "shop/Dockerfile").write_text(on_our_base(file("Dockerfile.application")))
    return build(None, place=beside / "shop", tag="application", arguments={})


def test_the_application_migrates_in_its_own_image(
    application: str, jobs: Jobs, target: Database
) -> None:
    """As a platform's pre-deploy command, on one deployment and on the next."""
    env = {"DATABASE_URL": target.url, "FLASK_APP": "app:app"}
    first, second = (jobs.run(application, "migrator", "run", env=env) for _ in range(2))

    assert first.exit_code == 0, first.output
    assert (first.report["outcome"], applied(first)) == ("migrated", ["r1", "r2"])
    assert target.revisions() == ["r2"]
    assert second.exit_code == 0, second.output
    assert second.report["outcome"] == "up_to_date"


def test_the_application_keeps_its_own_versions_beside_migrator(
    application: str, jobs: Jobs
) -> None:
    code, installed = jobs.output(application, "python3", "-m", "pip", "freeze")

    assert code == 0
    assert set(REQUIRED) <= set(installed.lower().splitlines())


def test_in_the_applications_image_it_hears_sigterm_as_process_1(
    application: str, jobs: Jobs
) -> None:
    job = jobs.start(application, "migrator", "run", url="postgresql://u@127.0.0.1:1/db")
    job.until("database.waiting")
    job.docker.kill("SIGTERM")

    assert job.end(10).exit_code == 143


def test_the_tool_copied_into_the_applications_image_migrates(
    tool: str, jobs: Jobs, target: Database, tmp_path: Path
) -> None:
    """As docs/how-to/deploy/tool-image.md says, on the base image that there is here."""
    application_in(tmp_path)
    text = on_our_base(file("Dockerfile.copy-from-tool"))
    assert f"PYTHONPATH={PACKAGES}\n" in text
    (tmp_path / "Dockerfile").write_text(text.replace(PACKAGES, our_packages(jobs)))
    image = build(None, place=tmp_path, tag="copy", arguments={"TOOL_IMAGE": tool})

    env = {"DATABASE_URL": target.url, "FLASK_APP": "app:app"}
    ended = jobs.run(image, "migrator", "run", env=env)
    assert ended.exit_code == 0, ended.output
    assert target.revisions() == ended.report["to"] == ["r2"]
    asked = "import alembic, sqlalchemy; print(alembic.__version__, sqlalchemy.__version__)"
    assert jobs.output(image, "/opt/migrator/bin/python", "-c", asked) == (0, "1.14.0 2.0.36\n")


def our_packages(jobs: Jobs) -> str:
    """Give the folder in which pip installs in the base image that there is here."""
    line = "import sysconfig; print(sysconfig.get_path('purelib'))"
    code, said = jobs.output(our_base(), "python3", "-c", line)
    assert code == 0, said
    return said.strip()


def test_the_image_from_the_tool_gets_a_driver_from_a_stage_with_the_same_python(
    tool: str, jobs: Jobs, target: Database, tmp_path: Path
) -> None:
    """As the page's own block says, with an env.py that needs asyncpg."""
    blocks = re.findall(r"```dockerfile\n(.*?)```", TOOL_PAGE.read_text(), re.DOTALL)
    (block,) = (block for block in blocks if " AS packages\n" in block)
    shutil.copytree(TREES / "async_env", tmp_path / "alembic")
    ini = (tmp_path / "alembic/alembic.ini").rename(tmp_path / "alembic.ini")
    ini.write_text(ini.read_text().replace("%(here)s", "%(here)s/alembic"))
    (tmp_path / "Dockerfile").write_text(on_our_base(block).replace("migrator:tool", tool))
    image = build(None, place=tmp_path, tag="packages", arguments={})

    ended = jobs.run(image, url=target.url)
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
