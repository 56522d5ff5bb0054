"""Commands for a developer's machine: `new`, `watch`, `reset`, `demo`."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import Any

import click

from migrator.cli.answer import answered
from migrator.cli.flags import (
    BACKUP,
    SCHEMA,
    WHERE,
    WHEREVER,
    consent,
    json_flag,
    text,
    with_settings,
)
from migrator.errors import MigratorError
from migrator.process.boundary import commanded, own_stdout, redactor
from migrator.settings import address


@click.command()
@with_settings(
    *("database_url", "config", "config_section", "x", "max_risk", "connect_timeout"),
    *("deadline", "log_format", "log_level"),
)
@json_flag
@click.argument("message", required=False)
@click.option("--empty", is_flag=True, help="a revision to fill in: nothing is compared")
@click.option("--merge", is_flag=True, help="a revision that joins the heads")
def new(*, as_json: bool, message: str | None, empty: bool, merge: bool, **flags: Any) -> int:  # noqa: ANN401 - as in `flags.text`
    """Write the revision that the models ask for, in safe steps, and prove it: MESSAGE names it."""
    if empty and merge:
        refusal = "--empty and --merge are two revisions: say one of them"
        raise click.UsageError(refusal)
    if not (message or merge):
        refusal = 'say what changes: migrator new "add email to users"'
        raise click.UsageError(refusal)
    from migrator.develop.new import new  # noqa: PLC0415 - loads Alembic

    # The target counts only where it is meant: an application's DATABASE_URL is not at head.
    given, stream = text(flags), own_stdout()
    target = given["database_url"] or os.environ.get("MIGRATOR_DATABASE_URL")
    request = new.NewRequest(message, empty, merge, target=bool(target), colours=stream.isatty())
    question = partial(new.revise, request=request, environ=os.environ)
    told = {**given, "database_url": target or address.NOWHERE}
    return answered(question, told, as_json=as_json, stream=stream)


@click.command()
@with_settings(*WHEREVER, *SCHEMA)
@click.option("--once", is_flag=True, help="do it once, and end")
@click.option("--not-local", multiple=True, metavar="HOST", help="this host is meant, too")
def watch(*, once: bool, not_local: tuple[str, ...], **flags: Any) -> int:  # noqa: ANN401 - as in `flags.text`
    """Follow the models: each change becomes a revision, and is applied to the local database."""
    from migrator.develop import watch as watching  # noqa: PLC0415 - loads Alembic

    given, stream = text(flags), own_stdout()
    hidden = redactor(given, os.environ)

    def say(line: str) -> None:
        if line:
            print(f"{time.strftime('%H:%M:%S')}  {hidden.text(line)}", file=stream, flush=True)

    request = watching.WatchRequest(given, not_local, os.environ)
    question = watching.step if once else partial(watching.follow, say=say)
    return answered(partial(question, request=request), given, as_json=False, stream=stream)


@click.command()
@with_settings(*WHERE, *SCHEMA, *BACKUP[:-1], "after", "verify", "report")
@click.option("--database", required=True, metavar="NAME", help="its name, again, to be sure")
@click.option("--no-backup", is_flag=True, help="take none before the old one is dropped")
@click.option("--not-local", multiple=True, metavar="HOST", help="this host is meant, too")
@click.option("--end-sessions", is_flag=True, help="end those who are connected to it")
@click.option("--yes", is_flag=True, help="do not ask")
def reset(*, database: str, no_backup: bool, yes: bool, **given: Any) -> int:  # noqa: ANN401 - as in `flags.text`
    """Make a local database anew and bring it to head: what is in it is dropped."""
    from migrator.develop import reset as use_case  # noqa: PLC0415 - loads Alembic

    request = use_case.ResetRequest(
        database,
        given.pop("not_local"),
        backs_up=not no_backup,
        end_sessions=given.pop("end_sessions"),
        consent=partial(consent, "A reset", yes=yes),
    )
    return commanded(
        partial(use_case.run, request=request, environ=os.environ),
        lambda settings: (f"resets {settings.database_url}", settings.target),
        *(text(given), os.environ, own_stdout()),
    )


@click.command()
def demo() -> int:
    """Five scenes on an embedded Postgres with the example project; needs no server."""
    from migrator.develop import demo as demonstration  # noqa: PLC0415 - starts a server

    try:
        return demonstration.run()
    except MigratorError as error:
        click.echo(
            f"migrator: {error.message}" + (f" {error.hint}" if error.hint else ""), err=True
        )
        return error.exit_code
