"""Commands about backups: `backup`, `backups`, `restore`."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from migrator.cli.answer import answered
from migrator.cli.flags import BACKUP, WHERE, consent, json_flag, text, with_settings


@click.command()
@with_settings(*WHERE, *BACKUP)
@json_flag
def backup(*, as_json: bool, **flags: Any) -> int:  # noqa: ANN401 - as in `flags.text`
    """Take a backup now, behind the lock of a run."""
    from migrator.backup import backup  # noqa: PLC0415 - no other command needs it

    return answered(backup.backup, text(flags), as_json=as_json)


@click.command()
@with_settings("database_url", "backup_to", "deadline", "log_format", "log_level")
@json_flag
def backups(*, as_json: bool, **flags: Any) -> int:  # noqa: ANN401 - as in `flags.text`
    """List the backups that are there, without asking the database."""
    from migrator.backup import backup  # noqa: PLC0415 - as above

    return answered(backup.backups, text(flags), as_json=as_json)


@click.command()
@with_settings(
    *("database_url", "backup_to", "connect_timeout", "lock_wait", "lock_key"),
    *("deadline", "log_format", "log_level", "log_queries"),
)
@json_flag
@click.argument("name", required=False)
@click.option("--into", metavar="DATABASE", help="a new one  [default: named by the time]")
@click.option("--over", metavar="DATABASE", help="the original itself, which is kept; its name")
@click.option("--yes", is_flag=True, help="do not ask before the original is replaced")
@click.option("--end-sessions", is_flag=True, help="end those who are connected to the original")
@click.option("--identity", metavar="FILE", help="the private key of an encrypted backup")
@click.option("--no-owner", is_flag=True, help="all belongs to this role; nothing is granted")
@click.option(
    "--jobs", type=click.IntRange(min=1), default=4, help="tables at a time  [default: 4]"
)
def restore(*, as_json: bool, yes: bool, **given: Any) -> int:  # noqa: ANN401 - as in `flags.text`
    """Bring a backup back: the newest, or NAME, into a new database."""
    from migrator.backup.restore import restore as use_case  # noqa: PLC0415 - as above
    from migrator.backup.restore.load import Manner  # noqa: PLC0415 - as above

    request = use_case.RestoreRequest(
        **{name: given.pop(name) for name in ("name", "into", "over", "end_sessions")},
        manner=Manner(**{name: given.pop(name) for name in ("identity", "jobs", "no_owner")}),
        consent=partial(consent, "A restore over a database", yes=yes),
    )
    return answered(partial(use_case.restore, request=request), text(given), as_json=as_json)
