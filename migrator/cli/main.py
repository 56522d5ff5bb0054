"""The group of the commands, and the exit code of the process."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from migrator.cli import backfill, backup, develop, migrate, plan, status
from migrator.errors import UsageError
from migrator.process.boundary import bounded, own_stdout
from migrator.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from migrator.output.report import Journal

_DEFAULT = "run"


class Commands(click.Group):
    """The commands, of which `run` is the one when none is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put `run` first where the line begins with one of its flags, or is empty."""
        own = {"--help", "--version"}
        if not args or (args[0].startswith("-") and args[0] not in own):
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["--help"]})
@click.version_option(__version__, prog_name="migrator")
def commands() -> None:
    """Bring a Postgres database to the head of an Alembic project, and prove it."""


for _command in (
    *(migrate.run, migrate.rollback, migrate.repair),
    *(plan.plan, plan.check),
    *(status.status, status.wait, status.history),
    *(backup.backup, backup.backups, backup.restore),
    backfill.backfill,
    *(develop.new, develop.watch, develop.reset, develop.demo),
):
    commands.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process with an exit code of the contract."""
    try:
        code = commands.main(args=arguments, prog_name="migrator", standalone_mode=False)
    except click.ClickException as error:
        code = _wrong(error, list(sys.argv[1:] if arguments is None else arguments))
    except click.Abort:
        code = 130
    sys.exit(code)


def _wrong(error: click.ClickException, line: list[str]) -> int:
    """Show how the line is to be written; a run that never began has its report too."""
    error.show()
    if line and line[0] != _DEFAULT and not line[0].startswith("-"):
        return UsageError.exit_code

    def refuse(_: Journal) -> NoReturn:
        raise UsageError(error.format_message(), hint="migrator run --help")

    bounded(refuse, {}, os.environ, own_stdout())
    return UsageError.exit_code
