"""Commands that tell what a run would do, and whether the project is sound: `plan`, `check`."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from migrator.cli.answer import answered
from migrator.cli.flags import WHERE, json_flag, text, with_settings
from migrator.process.boundary import own_stdout, redactor
from migrator.settings import address, parse

if TYPE_CHECKING:
    from pathlib import Path


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
    page = _page(html)
    from migrator.plan import answer, plan  # noqa: PLC0415 - loads Alembic

    given, stream = text(flags), own_stdout()
    where = on or ("embedded" if from_base else "scratch")
    request = plan.PlanRequest(where, with_data, from_base)
    form = answer.Form(
        "json" if as_json else "markdown" if markdown else "text",
        page,
        codes=codes,
        colours=stream.isatty(),
        hidden=redactor(given, os.environ),
    )
    question = partial(answer.plan, request=request, form=form)
    told = _without_target(given) if from_base else given
    return answered(question, told, as_json=as_json, stream=stream)


def _page(html: str | None) -> Path | None:
    try:
        return parse.writable_file(html) if html else None
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
    from migrator.check import check  # noqa: PLC0415 - loads Alembic

    question = partial(check.check, since=since, environ=os.environ, on=on)
    return answered(question, _without_target(text(flags)), as_json=as_json)


def _without_target(flags: dict[str, str | None]) -> dict[str, str | None]:
    """Give the flags of a command that has no target, whatever the environment names."""
    return {**flags, "database_url": address.NOWHERE}
