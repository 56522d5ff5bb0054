"""The command line: commands, flags, and the end of the process."""

from __future__ import annotations

import os
import shlex
import sys
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import click

from migrator import __version__, answer, questions, settings
from migrator.boundary import bounded, own_stdout, perform
from migrator.errors import MigratorError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from dataclasses import Field
    from pathlib import Path

    from migrator.report import Journal

_DEFAULT = "run"


class Commands(click.Group):
    """The commands, of which `run` is the one when none is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `run` first where the line begins with one of its flags, or is empty."""
        own = {"--help", "--version"}
        if not args or (args[0].startswith("-") and args[0] not in own):
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


def with_settings(*names: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    """Give a command a flag for each of these settings, or for all; the help names the variable."""

    def given(command: Callable[..., int]) -> Callable[..., int]:
        for row in reversed(list(settings.rows())):
            if not names or row.name in names:
                command = _flag(row)(command)
        return command

    return given


def _flag(row: Field[Any]) -> Callable[[Callable[..., int]], Callable[..., int]]:
    default = row.metadata["default"]
    told = f"{row.metadata['help']}  [{settings.variable(row.name)}]"
    told += f" [default: {default}]" if default else ""
    names = [n for n in (row.metadata["short"], settings.flag(row.name)) if n]
    return click.option(row.name, *names, help=told, multiple=row.name == "x")


@click.group(cls=Commands, context_settings={"help_option_names": ["--help"]})
@click.version_option(__version__, prog_name="migrator")
def commands() -> None:
    """Bring a Postgres database to the head of an Alembic project, and prove it."""


@commands.command()
@with_settings()
def run(**flags: Any) -> int:  # noqa: ANN401 - click gives text or a tuple of it
    """The release-phase job: connect, lock, upgrade, prove (the default)."""  # noqa: D401
    outcome, _ = perform(answer.run, _text(flags), os.environ, own_stdout())
    return outcome.exit_code


_WHERE = (
    *("database_url", "config", "config_section", "x", "target", "connect_timeout", "lock_key"),
    *("deadline", "log_format", "log_level", "log_queries"),
)
_as_json = click.option("--json", "as_json", is_flag=True, help="the answer as one JSON object")


@commands.command()
@with_settings(*_WHERE)
@_as_json
@click.option("--exit-code", "codes", is_flag=True, help="0 at head, 3 behind, 76 otherwise")
@click.option("--drift", is_flag=True, help="compare the schema with what the revisions make")
def status(*, as_json: bool, codes: bool, drift: bool, **flags: Any) -> int:  # noqa: ANN401 - as `run`
    """Where the database stands: state, pending revisions, lock, last run."""
    return questions.status(_text(flags), as_json=as_json, codes=codes, drift=drift)


@commands.command()
@with_settings(*_WHERE, "on_db_ahead")
@_as_json
@click.option("--timeout", default=questions.TIMEOUT, help="wait this long  [default: 10m]")
def wait(*, as_json: bool, timeout: str, **flags: Any) -> int:  # noqa: ANN401 - as `run`
    """Wait until the database is at this code's head: for an app's init-container."""
    try:
        seconds = questions.timeout(timeout)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--timeout") from None
    return questions.wait(_text(flags), as_json=as_json, timeout_s=seconds)


@commands.command()
@with_settings(*_WHERE, "transactions", "max_risk")
@_as_json
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
    **flags: Any,  # noqa: ANN401 - as `run`
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
    return questions.plan(_text(flags), given, on=on, with_data=with_data)


def _page(html: str | None) -> Path | None:
    try:
        return questions.page(html) if html else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--html") from None


@commands.command()
@with_settings(
    *("config", "config_section", "x", "target", "max_risk", "deadline"),
    *("log_format", "log_level"),
)
@_as_json
@click.option("--since", metavar="REF", help="look for hazards in what is new since then, in git")
@click.option(
    "--on", metavar="WHERE", default="embedded", help="a server's URL  [default: embedded]"
)
def check(*, as_json: bool, since: str | None, on: str, **flags: Any) -> int:  # noqa: ANN401 - as `run`
    """The project alone, without its database: up, down and up again on an empty one."""  # noqa: D401
    return questions.check(_text(flags), as_json=as_json, since=since, on=on)


_BACKUP = ("backup_to", "backup_keep", "backup_verify", "backup_encrypt_to", "lock_wait")


@commands.command()
@with_settings(*_WHERE, *_BACKUP)
@_as_json
def backup(*, as_json: bool, **flags: Any) -> int:  # noqa: ANN401 - as `run`
    """Take a backup now, behind the lock of a run."""
    return questions.backup(_text(flags), as_json=as_json)


@commands.command()
@with_settings("database_url", "backup_to", "deadline", "log_format", "log_level")
@_as_json
def backups(*, as_json: bool, **flags: Any) -> int:  # noqa: ANN401 - as `run`
    """List the backups that are there, without asking the database."""
    return questions.backups(_text(flags), as_json=as_json)


_BACK = ("lock_wait", "ddl_lock_timeout", "ddl_retry_for", "statement_timeout", "transactions")


@commands.command()
@with_settings(*(name for name in _WHERE if name != "target"), *_BACK, *_BACKUP[:-1], "report")
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
    **flags: Any,  # noqa: ANN401 - as `run`
) -> int:
    """Take revisions back by their downgrades: what they made is dropped, with its data."""
    if [to is not None, steps is not None, last_run].count(True) != 1:
        message = "say one of --to, --steps and --last-run"
        raise click.UsageError(message)
    from migrator import rollback as back  # noqa: PLC0415 - loads Alembic

    target = None if last_run else to or f"-{steps}"
    request = back.Request(
        target, frozenset(drop), partial(_consent, "A rollback", _DROPS, yes=yes)
    )
    return back.command(request, _text(flags), os.environ, own_stdout())


_DROPS = "Take them back? What they made is dropped, with its data"


def _consent(what: str, question: str, *, yes: bool) -> None:
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


@commands.command()
@with_settings(
    *("database_url", "backup_to", "connect_timeout", "lock_wait", "lock_key"),
    *("deadline", "log_format", "log_level", "log_queries"),
)
@_as_json
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
def restore(*, as_json: bool, yes: bool, **given: Any) -> int:  # noqa: ANN401 - as `run`
    """Bring a backup back: the newest, or NAME, into a new database."""
    asked = ("name", "into", "over", "end_sessions", "identity", "jobs", "no_owner")
    order = {name: given.pop(name) for name in asked}
    order["consent"] = partial(_consent, "A restore over a database", yes=yes)
    return questions.restore(_text(given), order, as_json=as_json)


@commands.command()
@with_settings(*_WHERE, "lock_wait")
@_as_json
@click.option("--yes", is_flag=True, help="do not ask")
def repair(*, as_json: bool, yes: bool, **flags: Any) -> int:  # noqa: ANN401 - as `run`
    """Mend what is broken: a missing version table, invalid indexes, what was left behind."""
    consent = partial(_consent, "A repair", yes=yes)
    return questions.repair(_text(flags), consent, as_json=as_json)


@commands.command()
@with_settings("database_url", "connect_timeout", "deadline", "log_format", "log_level")
@_as_json
@click.option("--limit", type=click.IntRange(min=1), default=20, help="so many  [default: 20]")
def history(*, as_json: bool, limit: int, **flags: Any) -> int:  # noqa: ANN401 - as `run`
    """The runs of the past, newest first, as the database's own ledger has them."""  # noqa: D401
    return questions.history(_text(flags), as_json=as_json, limit=limit)


@commands.command()
def demo() -> int:
    """Three runs on an embedded Postgres with the example project; needs no server."""
    from migrator import demo as demonstration  # noqa: PLC0415 - starts a server

    try:
        return demonstration.run()
    except MigratorError as error:
        return _said(error)


@commands.command()
@with_settings(
    *("database_url", "config", "config_section", "x", "max_risk", "connect_timeout"),
    *("deadline", "log_format", "log_level"),
)
@_as_json
@click.argument("message", required=False)
@click.option("--empty", is_flag=True, help="a revision to fill in: nothing is compared")
@click.option("--merge", is_flag=True, help="a revision that joins the heads")
def new(*, as_json: bool, message: str | None, empty: bool, merge: bool, **flags: Any) -> int:  # noqa: ANN401 - as `run`
    """Write the revision that the models ask for, in safe steps, and prove it: MESSAGE names it."""
    if empty and merge:
        refusal = "--empty and --merge are two revisions: say one of them"
        raise click.UsageError(refusal)
    if not (message or merge):
        refusal = 'say what changes: migrator new "add email to users"'
        raise click.UsageError(refusal)
    order = {"message": message, "empty": empty, "merge": merge}
    return questions.new(_text(flags), order, as_json=as_json)


@commands.command()
@with_settings(*_WHERE, *_BACK, *_BACKUP[:-1], "after", "verify", "report")
@click.option("--database", required=True, metavar="NAME", help="its name, again, to be sure")
@click.option("--no-backup", is_flag=True, help="take none before the old one is dropped")
@click.option("--not-local", multiple=True, metavar="HOST", help="this host is meant, too")
@click.option("--end-sessions", is_flag=True, help="end those who are connected to it")
@click.option("--yes", is_flag=True, help="do not ask")
def reset(*, database: str, no_backup: bool, yes: bool, **given: Any) -> int:  # noqa: ANN401 - as `run`
    """Make a local database anew and bring it to head: what is in it is dropped."""
    from migrator.develop import reset as resetting  # noqa: PLC0415 - loads Alembic

    request = resetting.Request(
        database,
        given.pop("not_local"),
        backs_up=not no_backup,
        end_sessions=given.pop("end_sessions"),
        consent=partial(_consent, "A reset", yes=yes),
    )
    return resetting.command(request, _text(given), os.environ, own_stdout())


@commands.command()
@with_settings(*(name for name in _WHERE if name != "target"), *_BACK)
@click.option("--once", is_flag=True, help="do it once, and end")
@click.option("--not-local", multiple=True, metavar="HOST", help="this host is meant, too")
def watch(*, once: bool, not_local: tuple[str, ...], **flags: Any) -> int:  # noqa: ANN401 - as `run`
    """Follow the models: each change becomes a revision, and is applied to the local database."""
    return questions.watch(_text(flags), not_local, once=once)


@commands.command()
@with_settings(
    *(name for name in _WHERE if name not in {"target", "lock_key"}), *_BACK[:-1], "report"
)
@click.argument("name", required=False)
@click.option("--dry-run", is_flag=True, help="count, show the first batch, change nothing")
@click.option("--json", "as_json", is_flag=True, help="of --dry-run: the answer as JSON")
@click.option("--workers", type=click.IntRange(1, 32), default=1, help="at a time  [default: 1]")
@click.option("--batch-time", default="0.5s", help="what a batch should take  [default: 0.5s]")
@click.option("--max-lag", default="10s", help="pause while a replica is so late  [default: 10s]")
@click.option("--max-active", type=click.IntRange(min=1), help="pause while so many are at work")
def backfill(*, name: str | None, dry_run: bool, as_json: bool, **given: Any) -> int:  # noqa: ANN401 - as `run`
    """Change rows in batches, outside a release: NAME, or all that are not complete."""
    limits = {
        limit: given.pop(limit) for limit in ("workers", "batch_time", "max_lag", "max_active")
    }
    if dry_run:
        return questions.backfill(_text(given), name, as_json=as_json)
    if as_json:
        message = "--json goes with --dry-run; the log of a backfill is JSON with --log-format json"
        raise click.UsageError(message)
    from migrator import backfilling  # noqa: PLC0415 - loads Alembic

    try:
        request = backfilling.request(name, **limits)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    return backfilling.command(request, _text(given), os.environ, own_stdout())


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process with an exit code of the contract."""
    try:
        code = commands.main(args=arguments, prog_name="migrator", standalone_mode=False)
    except click.ClickException as error:
        code = _wrong(error, list(sys.argv[1:] if arguments is None else arguments))
    except click.Abort:
        code = 130
    sys.exit(code)


def _said(error: MigratorError) -> int:
    """Say on standard error what kept a command other than `run` from its answer."""
    click.echo(f"migrator: {error.message}" + (f" {error.hint}" if error.hint else ""), err=True)
    return error.exit_code


def _text(flags: dict[str, Any]) -> dict[str, str | None]:
    return {**flags, "x": shlex.join(flags["x"]) if flags.get("x") else None}


def _wrong(error: click.ClickException, line: list[str]) -> int:
    """Show how the line is to be written; a run that never began has its report too."""
    error.show()
    if line and line[0] != _DEFAULT and not line[0].startswith("-"):
        return UsageError.exit_code

    def refuse(_: Journal) -> NoReturn:
        raise UsageError(error.format_message(), hint="migrator run --help")

    bounded(refuse, {}, os.environ, own_stdout())
    return UsageError.exit_code
