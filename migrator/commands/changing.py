"""Commands that change a database besides `run`."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import click

from migrator import questions
from migrator.commands.flags import (
    BACKUP,
    SCHEMA,
    WHERE,
    WHEREVER,
    consent,
    json_flag,
    text,
    with_settings,
)
from migrator.process.boundary import own_stdout

_DROPS = "Take them back? What they made is dropped, with its data"


@click.command()
@with_settings(*WHEREVER, *SCHEMA, *BACKUP[:-1], "report")
@click.option("--to", help="a revision below, or base: as alembic downgrade")
@click.option("--steps", type=click.IntRange(min=1), help="so many revisions")
@click.option("--last-run", is_flag=True, help="what the last run of the ledger applied")
@click.option("--drop", multiple=True, metavar="TABLE", help="may be dropped though it holds rows")
@click.option("--yes", is_flag=True, help="do not ask")
def rollback(
    *,
    to: str | None,
    steps: int | None,
    last_run: bool,
    drop: tuple[str, ...],
    yes: bool,
    **flags: Any,  # noqa: ANN401 - as in `flags.text`
) -> int:
    """Take revisions back by their downgrades: what they made is dropped, with its data."""
    if [to is not None, steps is not None, last_run].count(True) != 1:
        message = "say one of --to, --steps and --last-run"
        raise click.UsageError(message)
    from migrator import rollback as back  # noqa: PLC0415 - loads Alembic

    target = None if last_run else to or f"-{steps}"
    request = back.Request(target, frozenset(drop), partial(consent, "A rollback", _DROPS, yes=yes))
    return back.command(request, text(flags), os.environ, own_stdout())


@click.command()
@with_settings(*WHERE, "lock_wait")
@json_flag
@click.option("--yes", is_flag=True, help="do not ask")
def repair(*, as_json: bool, yes: bool, **flags: Any) -> int:  # noqa: ANN401 - as in `flags.text`
    """Mend what is broken: a missing version table, invalid indexes, what was left behind."""
    asked = partial(consent, "A repair", yes=yes)
    return questions.repair(text(flags), asked, as_json=as_json)


@click.command()
@with_settings(
    *(name for name in WHERE if name not in {"target", "lock_key"}), *SCHEMA[:-1], "report"
)
@click.argument("name", required=False)
@click.option("--dry-run", is_flag=True, help="count, show the first batch, change nothing")
@click.option("--json", "as_json", is_flag=True, help="of --dry-run: the answer as JSON")
@click.option("--workers", type=click.IntRange(1, 32), default=1, help="at a time  [default: 1]")
@click.option("--batch-time", default="0.5s", help="what a batch should take  [default: 0.5s]")
@click.option("--max-lag", default="10s", help="pause while a replica is so late  [default: 10s]")
@click.option("--max-active", type=click.IntRange(min=1), help="pause while so many are at work")
def backfill(*, name: str | None, dry_run: bool, as_json: bool, **given: Any) -> int:  # noqa: ANN401 - as in `flags.text`
    """Change rows in batches, outside a release: NAME, or all that are not complete."""
    limits = {
        limit: given.pop(limit) for limit in ("workers", "batch_time", "max_lag", "max_active")
    }
    if dry_run:
        return questions.backfill(text(given), name, as_json=as_json)
    if as_json:
        message = "--json goes with --dry-run; the log of a backfill is JSON with --log-format json"
        raise click.UsageError(message)
    from migrator import backfilling  # noqa: PLC0415 - loads Alembic

    try:
        request = backfilling.request(name, **limits)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return backfilling.command(request, text(given), os.environ, own_stdout())
