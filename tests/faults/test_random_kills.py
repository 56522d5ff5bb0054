"""Runs that are ended at random moments: what is applied is whole, and the next run goes on.

FAULT_KILLS says how many, FAULT_SEED repeats one series.
"""

from __future__ import annotations

import os
import random
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.command import eventually, run, start

if TYPE_CHECKING:
    from tests.support.command import Ended
    from tests.support.servers import Database, Server

pytestmark = pytest.mark.slow

TREE = "ten_revisions"
REVISIONS = [f"r{number:02}" for number in range(1, 11)]
CONCURRENT = {"r04": "t03_note", "r08": "t07_note"}
KILLS = int(os.environ.get("FAULT_KILLS", "24"))
SEED = int(os.environ.get("FAULT_SEED", str(random.randrange(10**6))))  # noqa: S311 - no secret


@pytest.mark.timeout(60 * KILLS)
@pytest.mark.parametrize("transactions", ["one", "per-revision"])
def test_a_run_may_end_at_any_moment(transactions: str, server: Server) -> None:
    """Half of the ends are SIGKILL and half SIGTERM, which must give a report that is true."""
    print(f"FAULT_SEED={SEED} FAULT_KILLS={KILLS}")  # noqa: T201 - shown where the test fails
    chance, left = random.Random(f"{SEED}{transactions}"), KILLS // 2  # noqa: S311 - no secret
    while left > 0:
        with server.fresh() as database:
            while left > 0 and applied(database) != REVISIONS:
                ended_at_random(database, transactions, chance)
                left -= 1
            ended = run("run", tree=TREE, url=database.url, MIGRATOR_TRANSACTIONS=transactions)
            assert ended.exit_code == 0, ended.output
            assert applied(database) == REVISIONS


def ended_at_random(database: Database, transactions: str, chance: random.Random) -> None:
    """Start a run, end it some time between its first second and its last, and look."""
    before = applied(database)
    number = chance.choice([signal.SIGKILL, signal.SIGTERM])
    running = start("run", tree=TREE, url=database.url, MIGRATOR_TRANSACTIONS=transactions)
    time.sleep(chance.uniform(0.2, 1.8))
    running.kill(number)
    ended = running.end()
    eventually(lambda: database.advisory_locks() == 0)

    now = applied(database)
    if number == signal.SIGTERM and ended.exit_code >= 0:
        assert_true(ended, before, now, left=half_built(database, now))
    else:
        assert ended.exit_code in {0, -number}, ended.output  # a signal may come before main()


def applied(database: Database) -> list[str]:
    """Give the revisions that are applied, each seen to be wholly there, and the others not."""
    at = database.revisions()
    there = REVISIONS[: REVISIONS.index(at[0]) + 1] if at else []
    for revision in REVISIONS:
        effect = done(database, revision)
        if revision in there:
            assert effect == "there", (at, revision, effect)
        else:
            assert effect == "absent" or revision in CONCURRENT, (at, revision, effect)
    return there


def done(database: Database, revision: str) -> str:
    """Tell whether what a revision does is there, absent or in between."""
    if index := CONCURRENT.get(revision):
        query = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
        return {(): "absent", ((True,),): "there"}.get(tuple(database.rows(query, index)), "broken")
    table = revision.replace("r", "t")
    if table not in database.tables():
        return "absent"
    rows = database.rows(f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608
    return "there" if rows == 100 else "half there"


def half_built(database: Database, there: list[str]) -> bool:
    """Tell whether an index is there, or half, of a revision that is not."""
    return any(done(database, each) != "absent" for each in CONCURRENT if each not in there)


def assert_true(ended: Ended, before: list[str], now: list[str], *, left: bool) -> None:
    """See that the report of a run that could still give one says what is there."""
    report = ended.report
    assert report["exit_code"] == ended.exit_code
    assert ended.exit_code in {0, 128 + signal.SIGTERM}, ended.output
    assert before + [each["revision"] for each in report["applied"]] == now, ended.output
    state = report["database_state"]
    if now == REVISIONS:
        assert state == "migrated" or now == before, ended.output
    elif now != before:
        assert state == "partially_migrated", ended.output
    else:
        assert state == "unchanged" or (left and state == "partially_migrated"), ended.output
