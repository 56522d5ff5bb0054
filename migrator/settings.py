"""Every setting in one table: its variable, its flag, its default, what it means.

A field of `Settings` is a row. `MIGRATOR_` and the field's name in capitals is its variable,
the name with dashes its flag; the flag wins. `load` reports all problems at once.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from migrator import address, elsewhere, values
from migrator.errors import ConfigurationError
from migrator.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from dataclasses import Field
    from pathlib import Path

    from migrator.address import Address

PREFIX = "MIGRATOR_"
URL_VARIABLES = ("MIGRATOR_DATABASE_URL", "DATABASE_UNPOOLED_URL", "DATABASE_URL")
_SERVICE_LINKS = re.compile(r"MIGRATOR_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_\w+)?)")


def row(
    default: str | None,
    help_text: str,
    parse: Callable[[str], Any] = values.text,
    *,
    short: str | None = None,
) -> Any:  # noqa: ANN401 - stands for the type of the field, as dataclasses.field does
    """Make a row of the table; the default is written as a user would write it."""
    return field(metadata={"default": default, "help": help_text, "parse": parse, "short": short})


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run has been told; made by `load` only."""

    database_url: Address = row(
        None,
        "the target; else DATABASE_UNPOOLED_URL, DATABASE_URL, or libpq's PGHOST and its kin",
    )
    config: str | None = row(
        None, "the Alembic project: alembic.ini, else pyproject.toml", short="-c"
    )
    config_section: tuple[str, ...] = row(
        "alembic",
        "as alembic -n; several, by commas, run in that order under one lock",
        values.names,
        short="-n",
    )
    x: tuple[str, ...] = row(
        "", "as alembic -x; several by spaces, or the flag again", values.words, short="-x"
    )
    target: str = row("head", "as alembic upgrade")
    connect_timeout: float = row(
        "60s",
        "keep trying to connect this long",
        values.duration_above_zero("0 would try for ever: name the longest wait you accept"),
    )
    lock_wait: float = row(
        "240s",
        "wait this long for another run to finish",
        values.duration_above_zero("0 would spin: the shortest useful wait is 1s"),
    )
    lock_key: str | None = row(
        None, "only where two projects must exclude each other", values.lock_key
    )
    ddl_lock_timeout: float = row(
        "3s",
        "the longest a statement may queue for a table lock, and so hold up the app",
        values.duration_above_zero("0 would let a statement queue for ever, and the app behind it"),
    )
    ddl_retry_for: float = row(
        "120s", "how long to go on trying after such a timeout", values.duration
    )
    statement_timeout: float | None = row(
        None,
        "the longest that one statement of a revision may take",
        values.duration_above_zero("0 means no limit to Postgres: leave it out instead"),
    )
    transactions: str = row(
        "project",
        "env.py's own choice; per-revision or one overrides it",
        values.one_of("project", "per-revision", "one"),
    )
    on_failure: str = row(
        "stop",
        "rollback: downgrade what a run had applied before it failed",
        values.one_of("stop", "rollback"),
    )
    on_db_ahead: str = row(
        "fail",
        "ok: succeed, and do nothing, where an older image is deployed again on a newer database",
        values.one_of("fail", "ok"),
    )
    deadline: float | None = row(
        None,
        "the whole run; set it below the platform's own limit",
        values.duration_above_zero("0 would end the run before it begins: leave it out instead"),
    )
    backup_to: str | None = row(
        None,
        "take a backup there first: s3://bucket/prefix, gs://, az://, or file:///directory",
        values.backup_place,
    )
    backup_keep: int = row(
        "10",
        "so many of the newest backups are kept",
        values.count_above_zero("0 would keep none, not even the one that was just made"),
    )
    backup_verify: str = row(
        "list",
        "list: read back what is stored; restore: restore it too, into a scratch database",
        values.one_of("list", "restore"),
    )
    backup_encrypt_to: tuple[str, ...] = row(
        "", "age recipients, by commas, that a backup is encrypted to", values.names_if_any
    )
    verify: str = row(
        "heads",
        "schema: compare the schema, too, with what the revisions make and with the models",
        values.one_of("heads", "schema"),
    )
    max_risk: str | None = row(
        None,
        "the most that plan may find: safe, caution or danger",
        values.one_of("safe", "caution", "danger"),
    )
    after: tuple[str, ...] = row(
        "", "a command to run under the lock once the upgrade is proven: seed data", values.words
    )
    log_format: str | None = row(
        None,
        "json or console; by default console on a terminal, json elsewhere",
        values.one_of("json", "console"),
    )
    log_level: str = row(
        "info",
        "debug, info, warn or error",
        values.one_of("debug", "info", "warn", "warning", "error"),
    )
    log_queries: bool = row(
        "on", "off keeps other sessions' query texts out of the log", values.flag
    )
    report: Path | None = row(None, "also write the report to this file", values.writable_file)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, or None where AUTO_MIGRATE=false says to do nothing.

    With them a sentence about each name from elsewhere that was honoured.
    """

    settings: Settings | None
    notes: tuple[str, ...] = ()


def rows() -> Iterator[Field[Any]]:
    """Give the rows of the table in its order."""
    return iter(fields(Settings))


def variable(name: str) -> str:
    """Give the variable of a setting."""
    return PREFIX + name.upper()


def flag(name: str) -> str:
    """Give the long flag of a setting."""
    return "--" + name.replace("_", "-")


def load(flags: Mapping[str, str | None], environ: Mapping[str, str] | None = None) -> Loaded:
    """Read flags and environment into the settings of a run.

    Raises `ConfigurationError` with every problem found.
    """
    environ = os.environ if environ is None else environ
    if elsewhere.asleep(environ):
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
    notes, meant = elsewhere.honoured(_with_backup_flag(flags, environ), problems)
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
        return setting.metadata["parse"](values.not_empty(said) if said != default else said)
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
