"""Examine the project under test with our own command, in separate processes.

env.py may import the whole application and change the environment, the logging and the event loop
of its process; in that of the tests it would be theirs.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migrator.database.connection import connect
from migrator.database.scratch import template
from migrator.errors import ConfigurationError
from migrator.plan.hazards.hazard import LEVELS, counts, read
from migrator.process import subcommand
from migrator.settings import aliases
from migrator.settings.address import FROM_VARIABLES, parse
from migrator.settings.table import PREFIX, URL_VARIABLES, variable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from migrator.database.connection import Server
    from migrator.database.scratch.template import Template
    from migrator.settings.address import Address

_WITHIN_S = 60.0
_KEPT = tuple(map(variable, ("config", "config_section", "x", "target")))
"""Settings of the user's that say what the project is; the others are of a release."""


@dataclass(frozen=True, slots=True)
class Project:
    """A project, a server on which databases may be made for it, and a session of tests."""

    server: Server
    session: str
    """In all its processes the same, and in no other."""
    since: str
    folder: Path
    """Where `alembic` would be run."""
    shared: Path
    """A folder of the session's."""
    settings: Mapping[str, str | None]

    def template(self) -> AbstractContextManager[Template]:
        """Give a database at head for copies; raises what keeps it from being there."""
        return template.template(self.server, self.session, self._migrate)

    def examination(self) -> Mapping[str, Any]:
        """Give the answer of `migrator check`; raises the `MigratorError` that it ended with."""
        since = ("--since", self.since) if self.since else ()
        return self._once("check", lambda: self._asked("check", *since))

    def hazards(self) -> Mapping[str, Any]:
        """Give the hazards of the whole history as `migrator check` gives those of a part."""
        return self._once("hazards", lambda: {"checks": [self._judged()]})

    def _judged(self) -> Mapping[str, Any]:
        answer = self._asked("plan", "--from-base")
        if answer["failed"]:
            told = "Not looked at: the history does not run to its end."
            return {"check": "hazards", "state": "skipped", "message": told, "findings": []}
        found = [
            {
                "message": f"{each.reason} ({each.code}, {each.level})",
                "revision": each.revision,
                "hint": each.instead,
            }
            for each in map(read, answer["hazards"])
            if counts(each, self.settings["max_risk"])
        ]
        return {"check": "hazards", "state": "failed", "message": "", "findings": found}

    def _asked(self, question: str, *line: str) -> Mapping[str, Any]:
        line = (*line, "--on", plain(self.server.address))
        return subcommand.ask(
            question, self.settings, *line, environ=_environ(), folder=self.folder
        )

    def _once(self, what: str, ask: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """Ask once for all processes of the session: the answer stands in a file."""
        file = self.shared / f"migrator-{self.session}-{what}.json"
        with template.once(self.server, f"{self.session} {what}"):
            if not file.exists():
                file.write_text(json.dumps(ask()), encoding="utf-8")
        found: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return found

    def _migrate(self, address: Address) -> None:
        told = {**self.settings, "database_url": plain(address), "max_risk": None}
        subcommand.migrate(told, _environ(address), self.folder)


@contextmanager
def project(
    url: str, session: str, settings: Mapping[str, str], folders: tuple[Path, Path]
) -> Iterator[Project]:
    """Give the project with these settings of the plugin's, in a folder; the other is shared.

    Raises `ConfigurationError` for a setting that is wrong, and what `connect` raises.
    """
    limit = settings["migrator_max_risk"] or "caution"
    if limit not in LEVELS:
        message = f"migrator_max_risk: {limit!r} is not one of {', '.join(LEVELS)}."
        raise ConfigurationError(message)
    told = {"max_risk": limit, "config": settings["migrator_config"] or None}
    with connect(_address(url), _WITHIN_S) as server:
        yield Project(server, session, settings["migrator_since"], *folders, told)


def _address(url: str) -> Address:
    try:
        return parse(url, "migrator_server")
    except ValueError as error:
        raise ConfigurationError(f"migrator_server: {error}.") from None


def plain(address: Address) -> str:
    """Give the URL without a driver, as libpq reads it."""
    return address.url("psycopg2").replace("postgresql+psycopg2:", "postgresql:", 1)


def _environ(address: Address | None = None) -> dict[str, str]:
    """Give the environment without what is meant for a release, or for this very process.

    Variables that name a target name this one, where there is one, or stay.
    """
    drop = {*aliases.ALIASES, *(URL_VARIABLES[:-1] if address else ())}
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in drop and (not name.startswith(PREFIX) or name in (*_KEPT, *URL_VARIABLES))
    }
    if address:
        named = {n: address.parameters.get(k, "") for n, k in FROM_VARIABLES.items() if n in kept}
        kept = {name: named.get(name, value) for name, value in kept.items()}
    return {name: value for name, value in kept.items() if value}
