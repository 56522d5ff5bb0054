"""The truth: the revisions of the folder are run beside an app, and what they lock is observed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.revisions import cases, fill, planned, release
from migrator.plan.trace.trace import MODES
from tests.plan.releases import ENV
from tests.plan.traffic import traffic
from tests.support.command import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.revisions import Case
    from tests.plan.traffic import Seen
    from tests.support.servers import Database, Server

pytestmark = pytest.mark.slow

LINGERS = ENV.replace(
    "with engine.connect()",
    '''
@sqlalchemy.event.listens_for(engine, "commit")
def linger(connection):
    """Hold what a transaction has locked for long enough to be seen."""
    connection.exec_driver_sql("SELECT pg_sleep(0.1)")


with engine.connect()''',
).replace("from alembic import context", "import sqlalchemy\nfrom alembic import context")


@pytest.fixture(scope="module")
def template(server: Server) -> Iterator[Database]:
    """Give the database that each test gets a copy of."""
    with server.fresh() as made:
        fill(made.rows, 20_000)
        yield made


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_no_table_is_locked_that_the_plan_did_not_announce(
    case: Case, template: Database, server: Server, tmp_path: Path
) -> None:
    folder = release(tmp_path / "p", case, LINGERS)
    with server.fresh(template=template.name) as database:
        found = planned(folder, database.url)
        with traffic(database) as seen:
            ended = run("run", tree=folder, url=database.url)
    announced = {(lock.table, lock.mode, lock.index) for lock in found.trace.locks}
    if found.trace.failure:  # at its failure nothing can be asked
        assert ended.exit_code == found.trace.failure.exit_code, ended.output
        return
    in_sight = all(statement.transaction for statement in found.trace.statements)
    unannounced = {each for each in seen if not covered(each, announced)}
    assert not {each for each in unannounced if in_sight or not is_fleeting(each)}
    if case.name == "add_column_required":  # a copy without rows does not show it
        assert ended.report["error"]["sqlstate"] == "23502"
        return
    assert ended.exit_code == 0, ended.output
    if in_sight:
        assert announced <= seen


def is_fleeting(seen: tuple[str, str, str | None]) -> bool:
    """Tell whether a lock outside of a transaction may be over before the plan looks.

    REINDEX CONCURRENTLY has one on the index that it drops, which nobody uses any more.
    """
    return seen[2] is not None


def covered(seen: tuple[str, str, str | None], announced: Seen) -> bool:
    """Tell whether a lock was announced; one on an index also by a stronger one on its table."""
    table, mode, index = seen
    strength = MODES.index(mode)
    return seen in announced or (
        index is not None
        and any(
            (each, of) == (table, None) and MODES.index(other) >= strength
            for each, other, of in announced
        )
    )
