"""Commands that change a schema: `run`, `rollback`, `repair`."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import click

from migrator.cli import fast
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
from migrator.process.boundary import commanded, own_stdout

_DROPS = "Take them back? What they made is dropped, with its data"


@click.command()
@with_settings()
def run(**flags: Any) -> int:  # noqa: ANN401 - as in `flags.text`
    """The release-phase job: connect, lock, upgrade, prove (the default)."""  # noqa: D401
    return fast.run(text(flags))


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
    from migrator.migrate import rollback as use_case  # noqa: PLC0415 - loads Alembic

    target = None if last_run else to or f"-{steps}"
    asked = partial(consent, "A rollback", _DROPS, yes=yes)
    request = use_case.RollbackRequest(target, frozenset(drop), asked)
    below = target or "before its last run"
    return commanded(
        partial(use_case.run, request=request),
        lambda settings: (f"takes {settings.database_url} back to {below}", below),
        *(text(flags), os.environ, own_stdout()),
    )


@click.command()
@with_settings(*WHERE, "lock_wait")
@json_flag
@click.option("--yes", is_flag=True, help="do not ask")
def repair(*, as_json: bool, yes: bool, **flags: Any) -> int:  # noqa: ANN401 - as in `flags.text`
    """Mend what is broken: a missing version table, invalid indexes, what was left behind."""
    from migrator.repair import repair as use_case  # noqa: PLC0415 - loads Alembic

    asked = partial(consent, "A repair", yes=yes)
    question = partial(use_case.repair, consent=asked, environ=os.environ)
    return answered(question, text(flags), as_json=as_json)
