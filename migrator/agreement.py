"""Whether the schema is what the revisions make, where MIGRATOR_VERIFY=schema asks for that."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migrator.database.connection import Server
    from migrator.output.report import Journal
    from migrator.project.plan import Plan


def agree(server: Server, plan: Plan, journal: Journal) -> None:
    """See that the schema is what the revisions make; raises `UnprovenError` where it is not."""
    if plan.settings.verify != "schema":
        return
    from migrator.drift import see_that_there_is_none  # noqa: PLC0415 - as said above

    if remark := see_that_there_is_none(server, plan.projects, plan.tables):
        journal.remark(remark)
