"""Commands that tell where the database stands: `status`, `wait`, `history`."""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from migrator.cli import fast
from migrator.cli.answer import answered
from migrator.cli.flags import WHERE, json_flag, text, with_settings


@click.command()
@with_settings(*WHERE)
@json_flag
@click.option("--exit-code", "codes", is_flag=True, help="0 at head, 3 behind, 76 otherwise")
@click.option("--drift", is_flag=True, help="compare the schema with what the revisions make")
def status(*, as_json: bool, codes: bool, drift: bool, **flags: Any) -> int:  # noqa: ANN401 - as in `flags.text`
    """Where the database stands: state, pending revisions, lock, last run."""
    from migrator.status import status  # noqa: PLC0415 - no other command needs it

    question = partial(status.status, codes=codes, drift=drift)
    return answered(question, text(flags), as_json=as_json)


@click.command()
@with_settings(*WHERE, "on_db_ahead")
@json_flag
@click.option("--timeout", default=fast.TIMEOUT, help="wait this long  [default: 10m]")
def wait(*, as_json: bool, timeout: str, **flags: Any) -> int:  # noqa: ANN401 - as in `flags.text`
    """Wait until the database is at this code's head: for an app's init-container."""
    try:
        seconds = fast.timeout(timeout)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--timeout") from None
    from migrator.status import wait  # noqa: PLC0415 - as above

    return answered(partial(wait.wait, timeout_s=seconds), text(flags), as_json=as_json)


@click.command()
@with_settings("database_url", "connect_timeout", "deadline", "log_format", "log_level")
@json_flag
@click.option("--limit", type=click.IntRange(min=1), default=20, help="so many  [default: 20]")
def history(*, as_json: bool, limit: int, **flags: Any) -> int:  # noqa: ANN401 - as in `flags.text`
    """The runs of the past, newest first, as the database's own ledger has them."""  # noqa: D401
    from migrator.status import history  # noqa: PLC0415 - as above

    return answered(partial(history.runs, limit=limit), text(flags), as_json=as_json)
