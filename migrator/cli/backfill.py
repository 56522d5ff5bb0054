"""The command `backfill`."""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import click

from migrator.cli.answer import answered
from migrator.cli.flags import SCHEMA, WHERE, text, with_settings
from migrator.process.boundary import commanded, own_stdout


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
    if as_json and not dry_run:
        message = "--json goes with --dry-run; the log of a backfill is JSON with --log-format json"
        raise click.UsageError(message)
    from migrator.backfill import backfill  # noqa: PLC0415 - loads Alembic

    limits = {
        limit: given.pop(limit) for limit in ("workers", "batch_time", "max_lag", "max_active")
    }
    if dry_run:
        return answered(partial(backfill.preview, name=name), text(given), as_json=as_json)
    try:
        request = backfill.request(name, **limits)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    what = name or "what remains"
    return commanded(
        partial(backfill.run, request=request),
        lambda settings: (f"fills {what} in {settings.database_url}", what),
        *(text(given), os.environ, own_stdout()),
    )
