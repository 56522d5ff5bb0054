"""Functions for an application: `run`, `status` and `require_head`.

`status` and `require_head` print and log nothing, hear no signal, and run no code of the project in
this process.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any, Protocol

from migrator.database.connection import connect
from migrator.errors import NotAtHeadError
from migrator.output import log
from migrator.process import subcommand
from migrator.process.boundary import perform
from migrator.settings import load
from migrator.status import ahead
from migrator.status import status as standing
from migrator.status.position import MustBeRunError, Pending
from migrator.status.status import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from alembic.config import Config

    from migrator.output.report import Journal, Outcome
    from migrator.settings.table import Settings

    class Address(Protocol):
        """A URL of SQLAlchemy."""

        def render_as_string(self, hide_password: bool = ...) -> str:  # noqa: FBT001 - theirs
            """Give it as text."""

    class Engine(Protocol):
        """An engine of SQLAlchemy, of either kind."""

        @property
        def url(self) -> Address:
            """Where it leads."""

    Target = Engine | Address | str | None

_DRIVER = re.compile(r"^(postgres(?:ql)?)\+\w+(?=:)")


def run(config: Config, /, **given: str) -> Outcome:
    """Do the whole job of `migrator run` for a Config built in code; gives how the run ended.

    `given` are settings by their names, as a user would write them (`lock_wait="5m"`); the rest
    comes from the environment as for the command. The target is `database_url` or
    MIGRATOR_DATABASE_URL, else the `sqlalchemy.url` of the Config, else as for the command.
    The log goes to standard output.

    Raises the `MigratorError` that ended the run.
    """
    from migrator.migrate import run  # noqa: PLC0415 - loads Alembic
    from migrator.project.find import opened  # noqa: PLC0415 - as above

    flags: dict[str, str | None] = {**given}
    if not flags.get("database_url") and not os.environ.get("MIGRATOR_DATABASE_URL"):
        written = config.get_main_option("sqlalchemy.url")
        flags["database_url"] = written if (written or "").startswith("postgres") else None

    def work(settings: Settings, journal: Journal) -> None:
        load.refuse_unknown(given, besides=("config", "config_section"))
        run.run(settings, journal, (opened(config, settings),))

    outcome, error = perform(work, flags, os.environ, sys.stdout, hear=False)
    if error is not None:
        raise error
    return outcome


def status(target: Target, /, **given: str) -> Status:
    """Find out where a database stands, as `migrator status` does.

    The target is an engine or a URL, or None for that of the environment; `given` are settings by
    their names. Raises `ConfigurationError` where a name is no setting, else as `standing.status`.
    """
    return look(flags_for(target, given))


def require_head(target: Target, /, **given: str) -> Status:
    """Give where a database stands, if that is good enough to start on.

    Takes what `status` takes. Raises `NotAtHeadError` where it is not, or what `status` raises.
    """
    flags = flags_for(target, given)
    found = look(flags)
    if not at_head(flags, found):
        raise NotAtHeadError(found.verdict)
    return found


def flags_for(target: Target, given: Mapping[str, str]) -> dict[str, str | None]:
    """Give the settings for a target; raises `ConfigurationError` where a name is no setting."""
    load.refuse_unknown(given, besides=("database_url",))
    return {**given, "database_url": _url(target)}


def look(flags: Mapping[str, str | None]) -> Status:
    """Find out where the database of these settings stands.

    Where only env.py can tell, that runs in a process of its own. Raises as `standing.status`.
    """
    with log.silenced():
        try:
            return standing.status(_settings(flags), aloof=True)
        except MustBeRunError:
            return _read(subcommand.ask("status", flags))


def at_head(flags: Mapping[str, str | None], found: Status) -> bool:
    """Tell whether that is good enough to start on: at head, or ahead where that is accepted."""
    if found.state != "ahead":
        return found.state == "at_head"
    told = _settings(flags)
    with log.silenced(), connect(told.database_url, told.connect_timeout) as server:
        return ahead.weigh(server.connection, told, found.current, found.head).accepted


def _settings(flags: Mapping[str, str | None]) -> Settings:
    return load.read(flags, os.environ)[0]


def _url(target: Target) -> str | None:
    """Give the URL with its password, and without the application's driver: env.py has its own."""
    if target is None:
        return None
    return _DRIVER.sub(r"\1", target if isinstance(target, str) else _rendered(target))


def _rendered(target: Engine | Address) -> str:
    url = target if hasattr(target, "render_as_string") else target.url
    return url.render_as_string(hide_password=False)


def _read(answer: Mapping[str, Any]) -> Status:
    pending = tuple(Pending(**one) for one in answer["pending"])
    lists = {name: tuple(answer[name]) for name in ("current", "head", "warnings")}
    return Status(**{**answer, **lists, "pending": pending})
