"""The Compose file of deploy/: Postgres, then the migration, then the application."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.container.engine import POSTGRES_IMAGE, ROOT, unavailable
from tests.container.test_job import HEAD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = ROOT / "deploy" / "compose" / "compose.yaml"
ASK = 'exec psql "$$DATABASE_URL" -XtAc "SELECT version_num FROM alembic_version"'


def composer() -> list[str] | None:
    """Give the command of Compose, the new one or the old, or None."""
    for line in (["docker", "compose"], ["docker-compose"]):
        program = shutil.which(line[0])
        if (
            program
            and subprocess.run([*line, "version"], capture_output=True, check=False).returncode == 0
        ):
            return line
    return None


class Composed:
    """A project of Compose: the file as it is, with the images of the tests in it."""

    def __init__(self, line: list[str], home: Path, image: str) -> None:
        """Write the images down; the application asks the database for its revision."""
        app = {"image": image, "entrypoint": ["sh", "-c", ASK], "command": []}
        services = {"db": {"image": POSTGRES_IMAGE}, "migrate": {"image": image}, "app": app}
        self.images = home / "images.json"
        self.images.write_text(json.dumps({"services": services}))
        self._line = [*line, "-p", f"test{secrets.token_hex(4)}", "-f", str(FILE)]
        self._files = ["-f", str(self.images)]

    def __call__(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run one of Compose's commands."""
        return subprocess.run(
            [*self._line, *self._files, *arguments],
            env={**os.environ, "POSTGRES_PASSWORD": "secret", **env},
            capture_output=True,
            text=True,
            check=False,
        )

    def break_migration(self) -> None:
        """Make the migration ask for a revision that is not there."""
        said = json.loads(self.images.read_text())
        said["services"]["migrate"]["environment"] = {"MIGRATOR_TARGET": "nobody_knows"}
        self.images.write_text(json.dumps(said))


@pytest.fixture
def compose(release: str, tmp_path: Path) -> Iterator[Composed]:
    """Give the project, and take it down."""
    line = composer()
    if line is None:
        unavailable("there is no docker compose")
        return
    made = Composed(line, tmp_path, release)
    yield made
    made("down", "--volumes", "--timeout", "1")


def test_the_application_starts_when_the_migration_has_ended(compose: Composed) -> None:
    up = compose("up", "--detach", "--no-build")

    assert up.returncode == 0, up.stderr
    assert '"exit_code": 0' in compose("logs", "--no-color", "migrate").stdout
    assert str(HEAD) in compose("logs", "--no-color", "--follow", "app").stdout


def test_the_application_does_not_start_after_a_failed_migration(compose: Composed) -> None:
    compose.break_migration()
    up = compose("up", "--detach", "--no-build")

    assert up.returncode != 0
    assert '"exit_code": 0' not in compose("logs", "--no-color", "migrate").stdout
    assert compose("logs", "--no-color", "app").stdout.strip().splitlines()[1:] == []
