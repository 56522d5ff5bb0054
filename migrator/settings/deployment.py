"""What the platform and the working directory say about the deployment."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

_IDS = (
    "RAILWAY_DEPLOYMENT_ID",
    "RENDER_INSTANCE_ID",
    "FLY_MACHINE_VERSION",
    "HEROKU_RELEASE_VERSION",
)
_COMMITS = (
    *("RAILWAY_GIT_COMMIT_SHA", "RENDER_GIT_COMMIT", "HEROKU_SLUG_COMMIT", "SOURCE_VERSION"),
    *("GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "GIT_SHA"),
)


class Deployment(NamedTuple):
    """What is known of it; None is not known."""

    id: str | None
    git_revision: str | None
    client: str
    """The user of the operating system, and the machine's name."""


def known() -> Deployment:
    """Give what the environment, and else a git checkout here, say."""
    return Deployment(_first(_IDS), _first(_COMMITS) or _checked_out(Path(".git")), _client())


def _first(names: tuple[str, ...]) -> str | None:
    return next(filter(None, map(os.environ.get, names)), None)


def _checked_out(git: Path) -> str | None:
    """Give the commit of a checkout, as git keeps it (gitrepository-layout)."""
    with suppress(OSError, UnicodeDecodeError):
        said = (git / "HEAD").read_text().strip()
        if not said.startswith("ref: "):
            return said
        reference = said.removeprefix("ref: ")
        with suppress(FileNotFoundError):
            return (git / reference).read_text().strip()
        for line in (git / "packed-refs").read_text().splitlines():
            if line.endswith(f" {reference}"):
                return line.split()[0]
    return None


def _client() -> str:
    return f"{os.environ.get('USER') or os.getuid()}@{socket.gethostname()}"
