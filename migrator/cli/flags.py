"""Flags that several commands share: the settings, `--json`, and the confirmation of a change."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING, Any

import click

from migrator.errors import UsageError
from migrator.settings import table

if TYPE_CHECKING:
    from collections.abc import Callable
    from dataclasses import Field

WHERE = (
    *("database_url", "config", "config_section", "x", "target", "connect_timeout", "lock_key"),
    *("deadline", "log_format", "log_level", "log_queries"),
)
"""The settings of whatever asks a database about a project."""
WHEREVER = tuple(name for name in WHERE if name != "target")
BACKUP = ("backup_to", "backup_keep", "backup_verify", "backup_encrypt_to", "lock_wait")
SCHEMA = ("lock_wait", "ddl_lock_timeout", "ddl_retry_for", "statement_timeout", "transactions")
"""The settings of what changes a schema."""

json_flag = click.option("--json", "as_json", is_flag=True, help="the answer as one JSON object")


def with_settings(*names: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command a flag for each of these settings, or for all; the help names the variable."""

    def given(command: Callable[..., int]) -> Callable[..., int]:
        for row in reversed(list(table.rows())):
            if not names or row.name in names:
                command = _flag(row)(command)
        return command

    return given


def _flag(row: Field[Any]) -> Callable[[Callable[..., int]], Callable[..., int]]:
    default = row.metadata["default"]
    told = f"{row.metadata['help']}  [{table.variable(row.name)}]"
    told += f" [default: {default}]" if default else ""
    names = [n for n in (row.metadata["short"], table.flag(row.name)) if n]
    return click.option(row.name, *names, help=told, multiple=row.name == "x")


def text(flags: dict[str, Any]) -> dict[str, str | None]:
    """Give flags, which click has as text or as a tuple of it, as a user would write them."""
    return {**flags, "x": shlex.join(flags["x"]) if flags.get("x") else None}


def consent(what: str, question: str, *, yes: bool) -> None:
    """Ask a person, unless that was answered beforehand; raises `UsageError` where it is no."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        message = f"{what} asks before it begins, and there is no terminal to ask on."
        raise UsageError(message, hint="If it is meant: --yes")
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        agreed = False
    if not agreed:
        raise UsageError("Nothing was touched: it was not confirmed.")
