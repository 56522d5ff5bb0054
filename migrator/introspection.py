"""What an application asks of its own database: where it stands, and whether it may start.

Nothing is printed or logged, no signal is heard, and no code of the project runs in this process.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Protocol

from migrator import ahead, standing
from migrator.bearings import MustBeRunError, Pending
from migrator.database.connection import connect
from migrator.errors import NotAtHeadError
from migrator.output import log
from migrator.process import subcommand
from migrator.settings import load
from migrator.standing import Status

if TYPE_CHECKING:
    from collections.abc import Mapping

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


def flags_for(target: Target, given: Mapping[str, str]) -> dict[str, str | None]:
    """Give the settings for a target: an engine, a URL, or None for that of the environment.

    Raises `ConfigurationError` where a name is no setting.
    """
    load.refuse_unknown(given, besides=("database_url",))
    return {**given, "database_url": _url(target)}


def status(flags: Mapping[str, str | None]) -> Status:
    """Find out where the database stands, as `migrator status` does.

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
        return ahead.weigh(server.connection, told, found).accepted


def require_head(flags: Mapping[str, str | None]) -> Status:
    """Give where the database stands, if that is good enough.

    Raises `NotAtHeadError` where it is not, or what `status` raises.
    """
    found = status(flags)
    if not at_head(flags, found):
        raise NotAtHeadError(found.verdict)
    return found


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
