"""Commands that answer a question and change nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from migrator import questions
from migrator.commands.flags import (
    WHERE,
    json_flag,
    text,
    with_settings,
)

if TYPE_CHECKING:
    from pathlib import Path


@click.command()
@with_settings(*WHERE)
@json_flag
@click.option("--exit-code", "codes", is_flag=True, help="0 at head, 3 behind, 76 otherwise")
@click.option("--drift", is_flag=True, help="compare the schema with what the revisions make")
def status(*, as_json: bool, codes: bool, drift: bool, **flags: Any) -> int:  # noqa: ANN401 - as in `flags.text`
    """Where the database stands: state, pending revisions, lock, last run."""
    return questions.status(text(flags), as_json=as_json, codes=codes, drift=drift)


@click.command()
@with_settings(*WHERE, "on_db_ahead")
@json_flag
@click.option("--timeout", default=questions.TIMEOUT, help="wait this long  [default: 10m]")
def wait(*, as_json: bool, timeout: str, **flags: Any) -> int:  # noqa: ANN401 - as in `flags.text`
    """Wait until the database is at this code's head: for an app's init-container."""
    try:
        seconds = questions.timeout(timeout)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--timeout") from None
    return questions.wait(text(flags), as_json=as_json, timeout_s=seconds)


@click.command()
@with_settings("database_url", "connect_timeout", "deadline", "log_format", "log_level")
@json_flag
@click.option("--limit", type=click.IntRange(min=1), default=20, help="so many  [default: 20]")
def history(*, as_json: bool, limit: int, **flags: Any) -> int:  # noqa: ANN401 - as in `flags.text`
    """The runs of the past, newest first, as the database's own ledger has them."""  # noqa: D401
    return questions.history(text(flags), as_json=as_json, limit=limit)


@click.command()
@with_settings(*WHERE, "transactions", "max_risk")
@json_flag
@click.option("--markdown", is_flag=True, help="the answer as a comment for a pull request")
@click.option("--html", metavar="FILE", help="write a page to this file besides")
@click.option("--exit-code", "codes", is_flag=True, help="0 none pending, 3 pending, 79 too risky")
@click.option("--on", metavar="WHERE", help="scratch, embedded, or a URL  [default: scratch]")
@click.option("--with-data", is_flag=True, help="copy the rows too: times and failures are real")
@click.option("--from-base", is_flag=True, help="all revisions, on an empty database; no target")
def plan(  # noqa: PLR0913 - click gives each flag by its name
    *,
    as_json: bool,
    markdown: bool,
    html: str | None,
    codes: bool,
    on: str | None,
    with_data: bool,
    from_base: bool,
    **flags: Any,  # noqa: ANN401 - as in `flags.text`
) -> int:
    """What a run would do, rehearsed on a copy: locks, hazards, and whether it works."""  # noqa: D401
    if as_json and markdown:
        message = "--json and --markdown are two answers: say one of them"
        raise click.UsageError(message)
    if from_base and (on == "scratch" or with_data or flags["database_url"]):
        message = "--from-base has no target: --with-data, --database-url and --on scratch need one"
        raise click.UsageError(message)
    form = "json" if as_json else "markdown" if markdown else "text"
    given = {"form": form, "html": _page(html), "codes": codes, "from_base": from_base}
    return questions.plan(text(flags), given, on=on, with_data=with_data)


def _page(html: str | None) -> Path | None:
    try:
        return questions.page(html) if html else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--html") from None


@click.command()
@with_settings(
    *("config", "config_section", "x", "target", "max_risk", "deadline"),
    *("log_format", "log_level"),
)
@json_flag
@click.option("--since", metavar="REF", help="look for hazards in what is new since then, in git")
@click.option(
    "--on", metavar="WHERE", default="embedded", help="a server's URL  [default: embedded]"
)
def check(*, as_json: bool, since: str | None, on: str, **flags: Any) -> int:  # noqa: ANN401 - as in `flags.text`
    """The project alone, without its database: up, down and up again on an empty one."""  # noqa: D401
    return questions.check(text(flags), as_json=as_json, since=since, on=on)
