"""The questions that a command line may put, each with what it takes besides the settings."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from migrator.inquiry import answered
from migrator.process.boundary import own_stdout, redactor
from migrator.settings import address, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Consent = Callable[[str], None]
    Flags = Mapping[str, str | None]

TIMEOUT = "10m"
"""How long `wait` waits where it is not told: as long as a Deployment in Kubernetes may take to
come up (`progressDeadlineSeconds`)."""

timeout = parse.duration_above_zero("0 would not wait: see migrator status")
"""Reads how long to wait, in seconds; raises `ValueError`."""

page = parse.writable_file
"""Reads where a page is to be written; raises `ValueError`."""


def status(flags: Flags, *, as_json: bool, codes: bool, drift: bool) -> int:
    """Say where the database stands; gives the exit code."""
    from migrator import standing  # noqa: PLC0415 - a run needs none of it

    question = partial(standing.status, codes=codes, drift=drift)
    return answered(question, flags, os.environ, own_stdout(), as_json=as_json)


def wait(flags: Flags, *, as_json: bool, timeout_s: float) -> int:
    """Wait until the database is at this code's head; gives the exit code."""
    from migrator import waiting  # noqa: PLC0415 - as above

    question = partial(waiting.wait, timeout_s=timeout_s)
    return answered(question, flags, os.environ, own_stdout(), as_json=as_json)


def history(flags: Flags, *, as_json: bool, limit: int) -> int:
    """Show the newest so many runs of the ledger; gives the exit code."""
    from migrator import runs  # noqa: PLC0415 - as above

    question = partial(runs.runs, limit=limit)
    return answered(question, flags, os.environ, own_stdout(), as_json=as_json)


def plan(flags: Flags, given: Mapping[str, Any], *, on: str | None, with_data: bool) -> int:
    """Show what a run would do; gives the exit code.

    `given` are the fields of a `preview.Request` that stand on the command line.
    """
    from migrator import planning, preview  # noqa: PLC0415 - as above

    stream = own_stdout()
    request = preview.Request(
        planning.Order(on or ("embedded" if given["from_base"] else "scratch"), with_data),
        **given,
        colours=stream.isatty(),
        hidden=redactor(flags, os.environ),
    )
    told = _aimless(flags) if request.from_base else flags
    question = partial(preview.plan, request=request)
    return answered(question, told, os.environ, stream, as_json=request.form == "json")


def backup(flags: Flags, *, as_json: bool) -> int:
    """Take a backup now; gives the exit code."""
    from migrator import archive  # noqa: PLC0415 - as above

    return answered(archive.backup, flags, os.environ, own_stdout(), as_json=as_json)


def restore(flags: Flags, order: Mapping[str, Any], *, as_json: bool) -> int:
    """Restore a backup, as the order says by the names of its flags; gives the exit code."""
    from migrator import restore as restoring  # noqa: PLC0415 - as above

    question = partial(restoring.restore, order=restoring.ordered(**order))
    return answered(question, flags, os.environ, own_stdout(), as_json=as_json)


def repair(flags: Flags, consent: Consent, *, as_json: bool) -> int:
    """Mend what is broken in the database; gives the exit code."""
    from migrator import repair as repairing  # noqa: PLC0415 - as above

    question = partial(repairing.repair, consent=consent, environ=os.environ)
    return answered(question, flags, os.environ, own_stdout(), as_json=as_json)


def check(flags: Flags, *, as_json: bool, since: str | None, on: str) -> int:
    """Prove what can be proven of the project without its database; gives the exit code."""
    from migrator import checking  # noqa: PLC0415 - loads Alembic

    question = partial(checking.check, since=since, environ=os.environ, on=on)
    return answered(question, _aimless(flags), os.environ, own_stdout(), as_json=as_json)


def new(flags: Flags, order: Mapping[str, Any], *, as_json: bool) -> int:
    """Write revisions, as the order says by the names of its flags; gives the exit code.

    The target counts only where it is meant: an application's DATABASE_URL is not at head.
    """
    from migrator.develop import revising  # noqa: PLC0415 - loads Alembic

    stream = own_stdout()
    target = flags.get("database_url") or os.environ.get("MIGRATOR_DATABASE_URL")
    made = revising.Order(**order, target=bool(target), colours=stream.isatty())
    question = partial(revising.revise, order=made, environ=os.environ)
    told = {**flags, "database_url": target or address.NOWHERE}
    return answered(question, told, os.environ, stream, as_json=as_json)


def watch(flags: Flags, hosts: tuple[str, ...], *, once: bool) -> int:
    """Let revisions and the local database follow the models; gives the exit code.

    `hosts` were named though they are not this machine.
    """
    from migrator.develop import watch as watching  # noqa: PLC0415 - loads Alembic

    stream = own_stdout()
    around = watching.Surroundings(flags, hosts, os.environ)
    hidden = redactor(flags, os.environ)

    def say(line: str) -> None:
        if line:
            print(f"{time.strftime('%H:%M:%S')}  {hidden.text(line)}", file=stream, flush=True)

    question = watching.step if once else partial(watching.follow, say=say)
    return answered(partial(question, around=around), flags, os.environ, stream, as_json=False)


def _aimless(flags: Flags) -> Flags:
    """Give the flags of a command that has no target, whatever the environment names."""
    return {**flags, "database_url": address.NOWHERE}


def backups(flags: Flags, *, as_json: bool) -> int:
    """List the backups that are there; gives the exit code."""
    from migrator import archive  # noqa: PLC0415 - as above

    return answered(archive.backups, flags, os.environ, own_stdout(), as_json=as_json)


def backfill(flags: Flags, name: str | None, *, as_json: bool) -> int:
    """Show what a backfill would do, or all of them; gives the exit code."""
    from migrator import backfilling  # noqa: PLC0415 - as above

    question = partial(backfilling.preview, name=name)
    return answered(question, flags, os.environ, own_stdout(), as_json=as_json)
