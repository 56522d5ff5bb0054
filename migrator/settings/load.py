"""Load the settings from flags and environment; all problems are reported at once."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migrator.errors import ConfigurationError
from migrator.settings import address, aliases, parse
from migrator.settings.table import PREFIX, URL_VARIABLES, Settings, flag, rows, variable
from migrator.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from dataclasses import Field

    from migrator.settings.address import Address

_SERVICE_LINKS = re.compile(r"MIGRATOR_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_\w+)?)")


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, or None where AUTO_MIGRATE=false says to do nothing.

    With them a sentence about each name from elsewhere that was honoured.
    """

    settings: Settings | None
    notes: tuple[str, ...] = ()


def load(flags: Mapping[str, str | None], environ: Mapping[str, str] | None = None) -> Loaded:
    """Read flags and environment into the settings of a run.

    Raises `ConfigurationError` with every problem found.
    """
    environ = os.environ if environ is None else environ
    if aliases.asleep(environ):
        return Loaded(None, ("AUTO_MIGRATE=false is honoured: nothing was done.",))
    return Loaded(*read(flags, environ))


def read(
    flags: Mapping[str, str | None], environ: Mapping[str, str]
) -> tuple[Settings, tuple[str, ...]]:
    """Read flags and environment into settings, whether a run is wanted or not.

    Gives with them a sentence about each name from elsewhere that was honoured.

    Raises `ConfigurationError` with every problem found.
    """
    problems: list[str] = []
    notes, meant = aliases.honoured(_with_backup_flag(flags, environ), problems)
    problems += _unknown(environ)
    found = {r.name: _value(r, flags, {**environ, **meant}, problems) for r in rows()}
    found["database_url"] = target(flags, environ, problems)
    if environ.get("MIGRATOR_BACKUP_TO") == "" and not flags.get("backup_to"):
        problems.append("MIGRATOR_BACKUP_TO: it is empty: say where to, or leave it out")
    problems += _contradictions(found)
    if found["database_url"] is not None and not environ.get("PGAPPNAME"):
        found["database_url"] = address.with_application_name(found["database_url"], _name(environ))
    if problems:
        raise ConfigurationError(_listed(problems), hint="Nothing was tried.")
    return Settings(**found), notes


def glance(name: str, flags: Mapping[str, str | None], environ: Mapping[str, str]) -> Any:  # noqa: ANN401 - the row's type
    """Give one setting as far as it can be read, else None; `load` reports what cannot.

    The log and the report are needed even by a run whose settings are wrong.
    """
    return next(_value(r, flags, environ, []) for r in rows() if r.name == name)


def _value(
    setting: Field[Any],
    flags: Mapping[str, str | None],
    environ: Mapping[str, str],
    problems: list[str],
) -> Any:  # noqa: ANN401 - the type is the row's
    said, where = flags.get(setting.name), flag(setting.name)
    if said is None:
        said, where = environ.get(variable(setting.name)) or None, variable(setting.name)
    default = setting.metadata["default"]
    said = default if said is None else said
    if said is None or setting.name == "database_url":
        return None
    try:
        return setting.metadata["parse"](parse.not_empty(said) if said != default else said)
    except ValueError as error:
        problems.append(f"{where}: {error}")
        return None


def target(
    flags: Mapping[str, str | None], environ: Mapping[str, str], problems: list[str]
) -> Address | None:
    """Give the target's address, or None and one more problem."""
    candidates = [("--database-url", flags.get("database_url"))]
    candidates += [(name, environ.get(name)) for name in URL_VARIABLES]
    for source, url in candidates:
        if url:
            try:
                return address.parse(url, source)
            except ValueError as error:
                problems.append(f"{source}: {error}")
                return None
    found = address.from_variables(environ)
    if found is None:
        problems.append("no database: set MIGRATOR_DATABASE_URL or DATABASE_URL")
    return found


def _name(environ: Mapping[str, str]) -> str:
    """Give the application name of our sessions: the version, and the deployment where known."""
    return " ".join(("migrator", __version__, environ.get("RAILWAY_DEPLOYMENT_ID", ""))).strip()


def _contradictions(found: Mapping[str, Any]) -> Iterator[str]:
    """Give values that are sound alone and not together."""
    statement, lock = found["statement_timeout"], found["ddl_lock_timeout"]
    if statement is not None and lock is not None and statement < lock:
        yield (
            f"MIGRATOR_STATEMENT_TIMEOUT ({statement:g} s) is below MIGRATOR_DDL_LOCK_TIMEOUT"
            f" ({lock:g} s): a statement that only waits for its lock would fail the run"
        )
    if found["backup_encrypt_to"] and found["backup_verify"] == "restore":
        yield (
            "MIGRATOR_BACKUP_VERIFY=restore cannot read what MIGRATOR_BACKUP_ENCRYPT_TO encrypts:"
            " the private key is not here, and should not be"
        )


def _with_backup_flag(
    flags: Mapping[str, str | None], environ: Mapping[str, str]
) -> Mapping[str, str]:
    said = flags.get("backup_to")
    return {**environ, "MIGRATOR_BACKUP_TO": said} if said else environ


def refuse_unknown(given: Iterable[str], besides: Iterable[str]) -> None:
    """Refuse names, as `migrator.run` takes them, that are no setting of the table, or not there.

    What the Config of its caller says already are `besides`.
    """
    known = [r.name for r in rows() if r.name not in besides]
    problems = [_not_a_setting(name, known) for name in given if name not in known]
    if problems:
        raise ConfigurationError(_listed(problems), hint="Nothing was tried.")


def _not_a_setting(name: str, known: list[str]) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - for a mistake only

    meant = get_close_matches(name, known, n=1)
    return f"{name} is not a setting" + (f": did you mean {meant[0]}?" if meant else "")


def _unknown(environ: Mapping[str, str]) -> Iterator[str]:
    known = [variable(r.name) for r in rows()]
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in known or _SERVICE_LINKS.fullmatch(name):
            continue
        yield _not_a_setting(name, known)


def _listed(problems: list[str]) -> str:
    told = "; ".join(problems)
    told += "" if told.endswith("?") else "."
    return told if len(problems) == 1 else f"{len(problems)} problems with the settings: {told}"
