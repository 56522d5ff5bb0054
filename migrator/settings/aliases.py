"""Accept variables of other tools, and say so in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.settings import parse

if TYPE_CHECKING:
    from collections.abc import Mapping

ALIASES = {
    "AUTO_MIGRATE": "false: do nothing, exit 0",
    "BACKUP_BEFORE_MIGRATE": "true: MIGRATOR_BACKUP_TO is required",
    "ALEMBIC_ROLLBACK_ON_FAIL": "true: MIGRATOR_ON_FAILURE=rollback",
    "SEED_MASTER_DATA": "true: MIGRATOR_AFTER is required",
}


def asleep(environ: Mapping[str, str]) -> bool:
    """Tell whether AUTO_MIGRATE says to do nothing."""
    return not _said("AUTO_MIGRATE", environ, [], otherwise="true")


def honoured(
    environ: Mapping[str, str], problems: list[str]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Give a note for each alias in use, and what they mean in our own variables.

    What is wrong with them is added to the problems.
    """
    _said("AUTO_MIGRATE", environ, problems)
    notes, meant = [], {}
    if _said("BACKUP_BEFORE_MIGRATE", environ, problems):
        notes.append("BACKUP_BEFORE_MIGRATE is honoured; its name here is MIGRATOR_BACKUP_TO.")
        if not environ.get("MIGRATOR_BACKUP_TO"):
            problems.append("BACKUP_BEFORE_MIGRATE: say where to, in MIGRATOR_BACKUP_TO")
    if _said("ALEMBIC_ROLLBACK_ON_FAIL", environ, problems):
        notes.append("ALEMBIC_ROLLBACK_ON_FAIL is honoured as MIGRATOR_ON_FAILURE=rollback.")
        meant["MIGRATOR_ON_FAILURE"] = "rollback"
        if environ.get("MIGRATOR_ON_FAILURE") == "stop":
            problems.append("ALEMBIC_ROLLBACK_ON_FAIL=true contradicts MIGRATOR_ON_FAILURE=stop")
    if _said("SEED_MASTER_DATA", environ, problems):
        notes.append("SEED_MASTER_DATA is honoured; the command is MIGRATOR_AFTER.")
        if not environ.get("MIGRATOR_AFTER"):
            problems.append("SEED_MASTER_DATA: name the command that seeds, in MIGRATOR_AFTER")
    return tuple(notes), meant


def _said(
    name: str, environ: Mapping[str, str], problems: list[str], otherwise: str = "false"
) -> bool:
    try:
        return parse.flag(environ.get(name) or otherwise)
    except ValueError as error:
        problems.append(f"{name}: {error}")
        return parse.flag(otherwise)
