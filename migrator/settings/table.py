"""The table of settings: variable, flag, default and meaning of each.

A field of `Settings` is a row. `MIGRATOR_` and the field's name in capitals is its variable,
the name with dashes its flag; the flag wins.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from migrator.settings import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from dataclasses import Field
    from pathlib import Path

    from migrator.settings.address import Address

PREFIX = "MIGRATOR_"
URL_VARIABLES = ("MIGRATOR_DATABASE_URL", "DATABASE_UNPOOLED_URL", "DATABASE_URL")


def row(
    default: str | None,
    help_text: str,
    parse: Callable[[str], Any] = parse.text,
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
        parse.names,
        short="-n",
    )
    x: tuple[str, ...] = row(
        "", "as alembic -x; several by spaces, or the flag again", parse.words, short="-x"
    )
    target: str = row("head", "as alembic upgrade")
    connect_timeout: float = row(
        "60s",
        "keep trying to connect this long",
        parse.duration_above_zero("0 would try for ever: name the longest wait you accept"),
    )
    lock_wait: float = row(
        "240s",
        "wait this long for another run to finish",
        parse.duration_above_zero("0 would spin: the shortest useful wait is 1s"),
    )
    lock_key: str | None = row(
        None, "only where two projects must exclude each other", parse.lock_key
    )
    ddl_lock_timeout: float = row(
        "3s",
        "the longest a statement may queue for a table lock, and so hold up the app",
        parse.duration_above_zero("0 would let a statement queue for ever, and the app behind it"),
    )
    ddl_retry_for: float = row(
        "120s", "how long to go on trying after such a timeout", parse.duration
    )
    statement_timeout: float | None = row(
        None,
        "the longest that one statement of a revision may take",
        parse.duration_above_zero("0 means no limit to Postgres: leave it out instead"),
    )
    transactions: str = row(
        "project",
        "env.py's own choice; per-revision or one overrides it",
        parse.one_of("project", "per-revision", "one"),
    )
    on_failure: str = row(
        "stop",
        "rollback: downgrade what a run had applied before it failed",
        parse.one_of("stop", "rollback"),
    )
    on_db_ahead: str = row(
        "fail",
        "ok: succeed, and do nothing, where an older image is deployed again on a newer database",
        parse.one_of("fail", "ok"),
    )
    deadline: float | None = row(
        None,
        "the whole run; set it below the platform's own limit",
        parse.duration_above_zero("0 would end the run before it begins: leave it out instead"),
    )
    backup_to: str | None = row(
        None,
        "take a backup there first: s3://bucket/prefix, gs://, az://, or file:///directory",
        parse.backup_place,
    )
    backup_keep: int = row(
        "10",
        "so many of the newest backups are kept",
        parse.count_above_zero("0 would keep none, not even the one that was just made"),
    )
    backup_verify: str = row(
        "list",
        "list: read back what is stored; restore: restore it too, into a scratch database",
        parse.one_of("list", "restore"),
    )
    backup_encrypt_to: tuple[str, ...] = row(
        "", "age recipients, by commas, that a backup is encrypted to", parse.names_if_any
    )
    verify: str = row(
        "heads",
        "schema: compare the schema, too, with what the revisions make and with the models",
        parse.one_of("heads", "schema"),
    )
    max_risk: str | None = row(
        None,
        "the most that plan may find: safe, caution or danger",
        parse.one_of("safe", "caution", "danger"),
    )
    after: tuple[str, ...] = row(
        "", "a command to run under the lock once the upgrade is proven: seed data", parse.words
    )
    log_format: str | None = row(
        None,
        "json or console; by default console on a terminal, json elsewhere",
        parse.one_of("json", "console"),
    )
    log_level: str = row(
        "info",
        "debug, info, warn or error",
        parse.one_of("debug", "info", "warn", "warning", "error"),
    )
    log_queries: bool = row(
        "on", "off keeps other sessions' query texts out of the log", parse.flag
    )
    report: Path | None = row(None, "also write the report to this file", parse.writable_file)


def rows() -> Iterator[Field[Any]]:
    """Give the rows of the table in its order."""
    return iter(fields(Settings))


def variable(name: str) -> str:
    """Give the variable of a setting."""
    return PREFIX + name.upper()


def flag(name: str) -> str:
    """Give the long flag of a setting."""
    return "--" + name.replace("_", "-")
