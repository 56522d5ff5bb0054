"""MIGRATOR_ON_FAILURE=rollback: what a failed run applied is taken back, or left alone and said."""

from __future__ import annotations

import re
import shutil
import signal
from contextlib import closing
from typing import TYPE_CHECKING

import psycopg2
import pytest
import sqlalchemy

from tests.lock.test_guard import end_guard, sleeping
from tests.support.command import TREES, Ended, eventually, run, start
from tests.support.servers import own_server, pgbouncer, pgbouncer_program

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database, Server

ROLLBACK = ("run", "--on-failure", "rollback")
PER_REVISION = ("--transactions", "per-revision")
COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_name = %s ORDER BY 1"
FAILS = 'op.execute("ALTER TABLE nowhere ADD COLUMN n int")'


def changed(tmp_path: Path, tree: str, **functions: str) -> Path:
    """Give a copy of a tree in which functions of revisions have another body.

    `r2_downgrade="pass"` is how one is named; an empty text takes the function away.
    """
    copy = tmp_path / tree
    shutil.copytree(TREES / tree, copy)
    for name, body in functions.items():
        revision, _, function = name.partition("_")
        (file,) = copy.rglob(f"{revision}.py")
        before, head, rest = file.read_text().partition(f"def {function}() -> None:\n")
        assert head, file
        after = re.sub(r"\A(    .*\n|\n(?=    ))+", "", rest)
        lines = "".join(f"    {line}\n" for line in body.splitlines())
        before = before.replace("from alembic import op\n", "from alembic import context, op\n")
        file.write_text(before + (head + lines if body else "") + after)
    return copy


def taken_back(ended: Ended) -> list[str]:
    """Give the revisions that the log says were taken back."""
    lines = [e for e in ended.named("revision.applied") if e.get("direction") == "downgrade"]
    return [line["revision"] for line in lines]


def assert_failed_with(ended: Ended, code: int, state: str, applied: list[str]) -> str:
    """Assert how a run ended; gives its hint."""
    report = ended.report
    assert ended.exit_code == report["exit_code"] == code
    assert report["outcome"] == "failed"
    assert report["database_state"] == state
    assert [each["revision"] for each in report["applied"]] == applied
    assert "upgrade.verified" not in ended.events
    hint: str = report["error"]["hint"] or ""
    return hint


# Taken back


def test_what_a_failed_run_had_applied_is_taken_back_and_the_first_error_stands(
    database: Database,
) -> None:
    ended = run(*ROLLBACK, tree="fails_third", url=database.url)

    hint = assert_failed_with(ended, 65, "rolled_back", [])
    assert database.revisions() == []
    assert "accounts" not in database.tables()
    assert taken_back(ended) == ["r2", "r1"]
    assert ended.report["failed"] == "r3"
    assert (ended.report["from"], ended.report["to"]) == ([], ["r3"])
    assert ended.report["error"]["sqlstate"] == "42P01"
    assert 'relation "invoices" does not exist' in ended.report["error"]["message"]
    assert "took back what this run had done: r2, r1. The database is at base again." in hint
    assert database.advisory_locks() == 0


def test_what_an_earlier_run_had_applied_stays(database: Database) -> None:
    run("run", "--target", "r1", tree="fails_third", url=database.url)
    ended = run(*ROLLBACK, tree="fails_third", url=database.url)

    hint = assert_failed_with(ended, 65, "rolled_back", [])
    assert database.revisions() == ["r1"]
    assert database.rows(COLUMNS, "accounts") == [("email",), ("id",)]
    assert taken_back(ended) == ["r2"]
    assert ended.report["from"] == ["r1"]
    assert "The database is at r1 again." in hint


def test_the_lines_of_a_rollback_say_that_they_are_a_downgrade(database: Database) -> None:
    ended = run(*ROLLBACK, tree="fails_third", url=database.url)

    plans = ended.named("plan.made")
    assert [plan.get("direction") for plan in plans] == [None, "downgrade"]
    assert plans[1]["pending"] == ["r2", "r1"]
    started = [(e["revision"], e.get("direction")) for e in ended.named("revision.started")]
    assert started[3:] == [("r2", "downgrade"), ("r1", "downgrade")]


def test_the_name_in_use_elsewhere_asks_for_it_too(database: Database) -> None:
    ended = run("run", tree="fails_third", url=database.url, ALEMBIC_ROLLBACK_ON_FAIL="true")
    assert_failed_with(ended, 65, "rolled_back", [])
    assert "ALEMBIC_ROLLBACK_ON_FAIL is honoured" in ended.lines[0]["message"]
    assert database.revisions() == []


def test_without_the_setting_everything_stays_where_it_is(database: Database) -> None:
    ended = run("run", tree="fails_third", url=database.url)
    assert assert_failed_with(ended, 65, "partially_migrated", ["r1", "r2"]) == ""
    assert database.revisions() == ["r2"]


def test_a_run_that_left_nothing_takes_nothing_back_and_says_nothing_of_it(
    database: Database,
) -> None:
    ended = run(*ROLLBACK, tree="fails_second", url=database.url)
    assert assert_failed_with(ended, 65, "unchanged", []) == ""
    assert len(ended.named("plan.made")) == 1


def test_a_good_run_is_not_touched(database: Database) -> None:
    ended = run(*ROLLBACK, tree="per_revision", url=database.url)
    assert ended.exit_code == 0
    assert database.revisions() == ["r3"]
    assert taken_back(ended) == []


def test_after_a_rollback_the_next_run_begins_anew(database: Database, tmp_path: Path) -> None:
    run(*ROLLBACK, tree="fails_third", url=database.url)
    mended = changed(tmp_path, "fails_third", r3_upgrade="pass")
    ended = run(*ROLLBACK, tree=mended, url=database.url)
    assert ended.exit_code == 0
    assert [a["revision"] for a in ended.report["applied"]] == ["r1", "r2", "r3"]


@pytest.mark.parametrize("tree", ["async_env", "own_transaction", "not_transactional", "flask_app"])
def test_whatever_way_env_py_has_it_is_taken_back(
    tree: str, database: Database, tmp_path: Path
) -> None:
    last = "r2" if tree == "flask_app" else "r3"
    copy = changed(tmp_path, tree, **{f"{last}_upgrade": FAILS})
    ended = run(*ROLLBACK, *PER_REVISION, tree=copy, url=database.url)
    state = "unchanged" if tree == "own_transaction" else "rolled_back"

    assert_failed_with(ended, 65, state, [])
    assert database.revisions() == []
    assert database.tables() <= {"alembic_version"}


def test_a_version_table_in_a_schema_of_its_own_is_back_where_it_was(
    database: Database, tmp_path: Path
) -> None:
    copy = changed(tmp_path, "own_version_table", r2_upgrade=FAILS)
    ended = run(*ROLLBACK, *PER_REVISION, tree=copy, url=database.url)

    assert_failed_with(ended, 65, "rolled_back", [])
    assert taken_back(ended) == ["r1"]
    assert database.revisions("app.app_version") == []


def test_in_autocommit_what_ran_whole_is_taken_back(database: Database, tmp_path: Path) -> None:
    copy = changed(tmp_path, "autocommit_env", r3_upgrade=FAILS)
    ended = run(*ROLLBACK, tree=copy, url=database.url)

    assert_failed_with(ended, 65, "rolled_back", [])
    assert taken_back(ended) == ["r2", "r1"]
    assert database.revisions() == []
    assert database.tables() == {"alembic_version"}


def test_a_failure_in_the_second_section_takes_back_the_first(
    database: Database, tmp_path: Path
) -> None:
    copy = changed(tmp_path, "several_sections", a2_upgrade=FAILS)
    line = (*ROLLBACK, "--config-section", "alembic,analytics")
    ended = run(*line, tree=copy, url=database.url)

    assert_failed_with(ended, 65, "rolled_back", [])
    assert taken_back(ended) == ["r2", "r1"]
    assert database.revisions() == database.revisions("analytics_version") == []
    assert database.tables() <= {"alembic_version", "analytics_version"}


def test_sections_are_taken_back_in_the_opposite_order(database: Database, tmp_path: Path) -> None:
    copy = changed(tmp_path, "several_sections", a2_upgrade=FAILS)
    line = (*ROLLBACK, *PER_REVISION, "--config-section", "alembic,analytics")
    ended = run(*line, tree=copy, url=database.url)

    assert_failed_with(ended, 65, "rolled_back", [])
    assert taken_back(ended) == ["a1", "r2", "r1"]


def test_a_section_whose_env_py_fails_has_the_first_one_taken_back(
    database: Database, tmp_path: Path
) -> None:
    copy = changed(tmp_path, "several_sections")
    env_py = copy / "analytics/env.py"
    refusal = "import os\nif os.path.exists('refuse'):\n    raise RuntimeError('not today')\n"
    env_py.write_text(env_py.read_text() + "\nopen('refuse', 'w').close()\n")
    env_py.write_text(env_py.read_text().replace("config = context", refusal + "config = context"))
    line = (*ROLLBACK, "--config-section", "alembic,analytics")
    ended = run(*line, tree=copy, url=database.url)

    assert_failed_with(ended, 66, "rolled_back", [])
    assert "not today" in ended.report["error"]["message"]
    assert database.revisions() == []


def test_each_schema_of_a_loop_is_back_where_it_was(database: Database, tmp_path: Path) -> None:
    not_in_t2 = "op.execute(\"SELECT 1 / (current_schema() <> 't2')::int\")"
    half = f'op.execute("CREATE TABLE orders ()")\n{not_in_t2}'
    copy = changed(tmp_path, "schemas_loop", r2_upgrade=half)
    run("run", "--target", "r1", tree=copy, url=database.url)
    ended = run(*ROLLBACK, tree=copy, url=database.url)

    assert_failed_with(ended, 65, "rolled_back", [])
    assert taken_back(ended) == ["r2"]
    assert {"orders"}.isdisjoint(database.tables("t1"))
    assert [database.revisions(f"t{n}.alembic_version") for n in (1, 2, 3)] == [["r1"]] * 3


def test_a_schema_that_came_with_the_run_is_not_migrated_by_its_rollback(
    database: Database, tmp_path: Path
) -> None:
    """env.py takes the schemas from the database, and r1 makes another one."""
    copy = changed(
        tmp_path,
        "schemas_loop",
        r1_upgrade='op.execute("CREATE SCHEMA IF NOT EXISTS t4")',
        r1_downgrade='op.execute("SELECT 1")',
        r2_upgrade=FAILS,
    )
    env_py = copy / "env.py"
    schemas = """
with engine.connect() as connection:
    query = "SELECT nspname FROM pg_namespace WHERE nspname LIKE 't_' ORDER BY 1"
    schemas = connection.exec_driver_sql(query).scalars().all()
"""
    env_py.write_text(env_py.read_text().replace('schemas = ("t1", "t2", "t3")\n', schemas))
    database.rows("CREATE SCHEMA t1")
    ended = run(*ROLLBACK, *PER_REVISION, tree=copy, url=database.url)

    assert_failed_with(ended, 65, "rolled_back", [])
    assert taken_back(ended) == ["r1"]
    assert database.revisions("t1.alembic_version") == []
    assert database.revisions("t4.alembic_version") == []


def test_of_two_branches_each_is_back_where_it_was(database: Database, tmp_path: Path) -> None:
    run("run", "--target", "alpha@a1", tree="branches", url=database.url)
    copy = changed(tmp_path, "branches", b2_upgrade=FAILS)
    ended = run(*ROLLBACK, *PER_REVISION, "--target", "heads", tree=copy, url=database.url)

    assert_failed_with(ended, 65, "rolled_back", [])
    assert ended.report["from"] == ["a1"]
    assert database.revisions() == ["a1"]


@pytest.mark.parametrize("origin", ["r1", "r2", "r3"])
def test_a_merge_is_taken_apart_into_the_rows_that_were_there(
    origin: str, database: Database, tmp_path: Path
) -> None:
    run("run", "--target", origin, tree="merged", url=database.url)
    copy = changed(tmp_path, "merged")
    (copy / "versions/r5.py").write_text(
        f'from alembic import op\nrevision = "r5"\ndown_revision = "r4"\n\n'
        f"def upgrade():\n    {FAILS}\n"
    )
    ended = run(*ROLLBACK, *PER_REVISION, tree=copy, url=database.url)

    assert_failed_with(ended, 65, "rolled_back", [])
    assert database.revisions() == [origin]
    assert taken_back(ended)[0] == "r4"


@pytest.mark.parametrize("origin", ["", "a1", "b1", "a2", "b2"])
def test_a_revision_that_depends_on_another_branch_leaves_the_rows_that_were_there(
    origin: str, database: Database, tmp_path: Path
) -> None:
    if origin:
        run("run", "--target", origin, tree="depends_on", url=database.url)
    before = database.revisions()
    copy = changed(tmp_path, "depends_on", m1_upgrade="1 / 0")
    ended = run(*ROLLBACK, *PER_REVISION, tree=copy, url=database.url)

    assert_failed_with(ended, 65, "rolled_back", [])
    assert database.revisions() == before


def test_an_index_that_the_failed_revision_left_invalid_is_dropped(
    database: Database, tmp_path: Path
) -> None:
    build = (
        "with op.get_context().autocommit_block():\n"
        '    op.execute("CREATE UNIQUE INDEX CONCURRENTLY one_email ON accounts (email)")'
    )
    twice = "op.execute(\"INSERT INTO accounts VALUES (1, 'same'), (2, 'same')\")"
    copy = changed(tmp_path, "fails_third", r2_upgrade=twice, r3_upgrade=build)
    run("run", "--target", "r2", tree=copy, url=database.url)
    ended = run(*ROLLBACK, tree=copy, url=database.url)

    hint = assert_failed_with(ended, 65, "rolled_back", [])
    assert database.rows("SELECT indexrelid::regclass FROM pg_index WHERE NOT indisvalid") == []
    assert database.revisions() == ["r2"]
    assert "DROP INDEX" not in hint


def test_a_project_that_reads_its_command_line_is_told_of_a_downgrade(
    database: Database, tmp_path: Path
) -> None:
    copy = changed(tmp_path, "reads_cmd_opts", r2_upgrade=FAILS)
    told = "open('told', 'a').write(f'{options.cmd[0].__name__} {options.revision} {options.x}\\n')"
    env_py = copy / "env.py"
    env_py.write_text(env_py.read_text().replace("engine =", f"{told}\nengine =", 1))
    ended = run(*ROLLBACK, *PER_REVISION, "-x", "a=1", tree=copy, url=database.url)

    assert_failed_with(ended, 65, "rolled_back", [])
    told_of = (copy / "told").read_text().splitlines()
    assert told_of == ["upgrade head ['a=1']"] * 2 + ["downgrade base ['a=1']"]


# Not possible, and known before anything is tried

NO_DOWNGRADE = {
    "": "it has no downgrade()",
    "pass": "its downgrade() is empty",
    "...": "its downgrade() is empty",
    '"""There is none."""': "its downgrade() is empty",
    "return None": "its downgrade() is empty",
    "raise NotImplementedError": "its downgrade() always raises",
    '"""No."""\nraise NotImplementedError("no way back")': "its downgrade() always raises",
    'op.drop_column("accounts", "nickname")\nraise RuntimeError("no")': "always raises",
}


@pytest.mark.parametrize(("body", "reason"), NO_DOWNGRADE.items())
def test_a_revision_without_a_downgrade_is_known_before_anything_is_tried(
    body: str, reason: str, database: Database, tmp_path: Path
) -> None:
    copy = changed(tmp_path, "fails_third", r1_downgrade=body)
    ended = run(*ROLLBACK, tree=copy, url=database.url)

    hint = assert_failed_with(ended, 65, "partially_migrated", ["r1", "r2"])
    assert database.revisions() == ["r2"]
    assert "nickname" in str(database.rows(COLUMNS, "accounts"))
    assert taken_back(ended) == []
    assert len(ended.named("revision.started")) == 3
    assert "took nothing back. Revision r1 cannot be taken back" in hint
    assert reason in hint


def test_a_revision_that_an_earlier_run_applied_needs_no_downgrade(
    database: Database, tmp_path: Path
) -> None:
    copy = changed(tmp_path, "fails_third", r1_downgrade="")
    run("run", "--target", "r1", tree=copy, url=database.url)
    assert_failed_with(run(*ROLLBACK, tree=copy, url=database.url), 65, "rolled_back", [])
    assert database.revisions() == ["r1"]


def test_a_revision_that_does_nothing_either_way_is_no_obstacle(
    database: Database, tmp_path: Path
) -> None:
    copy = changed(tmp_path, "fails_third", r2_upgrade="pass", r2_downgrade="pass")
    assert_failed_with(run(*ROLLBACK, tree=copy, url=database.url), 65, "rolled_back", [])
    assert database.revisions() == []


def test_a_downgrade_that_refuses_only_sometimes_is_tried(
    database: Database, tmp_path: Path
) -> None:
    body = 'if context.get_x_argument():\n    raise RuntimeError\nop.drop_table("accounts")'
    copy = changed(tmp_path, "fails_third", r1_downgrade=body)
    assert_failed_with(run(*ROLLBACK, tree=copy, url=database.url), 65, "rolled_back", [])


def test_rows_that_alembic_would_not_bring_back_are_known_before_anything_is_tried(
    database: Database, tmp_path: Path
) -> None:
    """Beside another branch Alembic's downgrade of a3 makes a row of a1, on which it depends."""
    copy = changed(tmp_path, "branches", b2_upgrade=FAILS)
    (copy / "versions/a3.py").write_text(
        'revision = "a3"\ndown_revision = "a2"\ndepends_on = "a1"\n\n'
        "def upgrade():\n    pass\n\ndef downgrade():\n    pass\n"
    )
    b2 = copy / "versions/b2.py"
    b2.write_text(b2.read_text() + '\n\ndepends_on = "a3"\n')
    run("run", "--target", "alpha@a2", tree=copy, url=database.url)
    ended = run(*ROLLBACK, *PER_REVISION, "--target", "heads", tree=copy, url=database.url)

    hint = assert_failed_with(ended, 65, "partially_migrated", ["a3", "b1"])
    assert "Alembic would downgrade alembic_version to a1, a2, and not to a2." in hint
    assert database.revisions() == ["a3", "b1"]
    assert taken_back(ended) == []


@pytest.mark.parametrize("tree", ["fails_after_commit", "commits_by_hand"])
def test_what_a_failed_revision_committed_in_between_is_left_alone(
    tree: str, database: Database
) -> None:
    ended = run(*ROLLBACK, tree=tree, url=database.url)

    hint = assert_failed_with(ended, 65, "partially_migrated", ["r1"])
    assert "took nothing back. Revision r2 had committed a part of its work" in hint
    assert database.revisions() == ["r1"]
    assert taken_back(ended) == []


def test_in_autocommit_a_revision_that_failed_half_way_is_left_alone(
    database: Database, tmp_path: Path
) -> None:
    half = f'op.execute("CREATE TABLE half ()")\n{FAILS}'
    copy = changed(tmp_path, "autocommit_env", r3_upgrade=half)
    ended = run(*ROLLBACK, tree=copy, url=database.url)
    assert_failed_with(ended, 65, "partially_migrated", ["r1", "r2"])
    assert database.revisions() == ["r2"]


# It does not get through


def test_a_downgrade_that_fails_leaves_the_database_where_it_stands_and_says_where(
    database: Database, tmp_path: Path
) -> None:
    copy = changed(tmp_path, "fails_third", r1_downgrade='op.drop_table("nowhere")')
    ended = run(*ROLLBACK, tree=copy, url=database.url)

    hint = assert_failed_with(ended, 65, "partially_migrated", ["r1"])
    assert ended.report["failed"] == "r3"
    assert ended.report["error"]["sqlstate"] == "42P01"
    assert "invoices" in ended.report["error"]["message"]
    assert "did not get through: alembic_version is at r1." in hint
    assert 'The downgrade of revision r1 failed: table "nowhere" does not exist' in hint
    assert taken_back(ended) == ["r2"]
    assert database.revisions() == ["r1"]
    assert database.rows(COLUMNS, "accounts") == [("email",), ("id",)]


@pytest.mark.skipif(
    sqlalchemy.__version__.startswith("1."), reason="on SQLAlchemy 1.4 Alembic does store it"
)
def test_a_rollback_that_was_silently_not_committed_is_never_called_one(
    database: Database, tmp_path: Path
) -> None:
    copy = changed(tmp_path, "fails_third")
    env_py = copy / "env.py"
    statement = "as connection:\n    if config.cmd_opts.cmd[0].__name__ == 'downgrade':\n"
    statement += "        connection.exec_driver_sql('SELECT 1')\n"
    env_py.write_text(env_py.read_text().replace("as connection:\n", statement))
    ended = run(*ROLLBACK, tree=copy, url=database.url)

    hint = assert_failed_with(ended, 65, "partially_migrated", ["r1", "r2"])
    assert "alembic_version is at r2. env.py returned as if all were well." in hint
    assert taken_back(ended) == []
    assert database.revisions() == ["r2"]


def slow_downgrade(tmp_path: Path) -> Path:
    """Give a tree in which r1 takes a minute to be taken back."""
    body = 'op.drop_table("accounts")\nop.execute("SELECT pg_sleep(600)")'
    return changed(tmp_path, "fails_third", r1_downgrade=body)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_during_the_rollback_ends_it_and_the_first_error_stands(
    number: signal.Signals, database: Database, tmp_path: Path
) -> None:
    running = start(*ROLLBACK, tree=slow_downgrade(tmp_path), url=database.url)
    eventually(lambda: sleeping(database))
    running.kill(number)
    ended = running.end()

    hint = assert_failed_with(ended, 65, "partially_migrated", ["r1"])
    assert f"Interrupted by {number.name} during the downgrade of revision r1." in hint
    assert "invoices" in ended.report["error"]["message"]
    assert database.revisions() == ["r1"]
    assert "accounts" in database.tables()
    eventually(lambda: database.advisory_locks() == 0)


def test_the_deadline_ends_a_rollback_too(database: Database, tmp_path: Path) -> None:
    line = (*ROLLBACK, "--deadline", "6s")
    ended = run(*line, tree=slow_downgrade(tmp_path), url=database.url)
    hint = assert_failed_with(ended, 65, "partially_migrated", ["r1"])
    assert "MIGRATOR_DEADLINE) has passed during the downgrade of revision r1." in hint
    assert database.revisions() == ["r1"]


def test_a_session_that_is_ended_during_the_rollback_is_reported(
    database: Database, tmp_path: Path
) -> None:
    running = start(*ROLLBACK, tree=slow_downgrade(tmp_path), url=database.url)
    eventually(lambda: sleeping(database))
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
    database.rows(f"{query} AND datname = current_database()")
    ended = running.end()

    hint = assert_failed_with(ended, 65, "partially_migrated", ["r1"])
    assert re.search(r"The downgrade of revision r1 failed: .*(terminat|closed)", hint)
    assert database.revisions() == ["r1"]


def test_a_rollback_whose_lock_is_lost_is_cancelled(database: Database, tmp_path: Path) -> None:
    running = start(*ROLLBACK, tree=slow_downgrade(tmp_path), url=database.url)
    eventually(lambda: sleeping(database))
    end_guard(database)
    ended = running.end()

    hint = assert_failed_with(ended, 65, "partially_migrated", ["r1"])
    assert "The session that held the lock is gone" in hint
    assert database.revisions() == ["r1"]
    eventually(lambda: database.advisory_locks() == 0)


def test_a_server_that_goes_away_during_the_rollback_leaves_the_state_unknown(
    tmp_path: Path,
) -> None:
    with own_server() as server, server.fresh() as database:
        running = start(*ROLLBACK, tree=slow_downgrade(tmp_path), url=database.url)
        eventually(lambda: sleeping(database))
        server.stop()
        ended = running.end()
        server.start()

        hint = assert_failed_with(ended, 65, "unknown", [])
        assert "MIGRATOR_ON_FAILURE=rollback was at work, and then:" in hint
        assert database.revisions() == ["r1"]


# The app does not notice, there too


def test_a_downgrade_steps_back_for_a_table_lock_and_comes_again(
    database: Database, tmp_path: Path
) -> None:
    copy = changed(tmp_path, "fails_third", r3_upgrade="import time; time.sleep(3)\n1 / 0")
    line = (*ROLLBACK, "--ddl-lock-timeout", "0.5s")
    running = start(*line, tree=copy, url=database.url)
    for _ in range(2):
        running.until("revision.applied")
    with closing(psycopg2.connect(database.url, application_name="monthly report")) as other:
        other.cursor().execute("SELECT count(*) FROM accounts")
        blocked = running.until("statement.blocked")
        retried = running.until("statement.retried")
    ended = running.end()

    assert blocked["blockers"][0]["application_name"] == "monthly report"
    assert "DROP COLUMN nickname" in blocked["statement"]
    assert retried["revision"] == "r2"
    assert_failed_with(ended, 65, "rolled_back", [])
    assert database.revisions() == []


def test_a_downgrade_that_never_has_its_table_lock_ends_with_the_first_error(
    database: Database, tmp_path: Path
) -> None:
    copy = changed(tmp_path, "fails_third", r3_upgrade="import time; time.sleep(3)\n1 / 0")
    line = (*ROLLBACK, "--ddl-lock-timeout", "0.5s", "--ddl-retry-for", "1s")
    running = start(*line, tree=copy, url=database.url)
    for _ in range(2):
        running.until("revision.applied")
    with closing(psycopg2.connect(database.url, application_name="monthly report")) as other:
        other.cursor().execute("SELECT count(*) FROM accounts")
        ended = running.end()
        other.cursor().execute("SELECT 1")

    hint = assert_failed_with(ended, 65, "partially_migrated", ["r1", "r2"])
    assert "ZeroDivisionError" in ended.report["error"]["message"]
    assert "In the way: monthly report" in hint
    assert database.revisions() == ["r2"]


def test_a_table_lock_that_was_not_had_is_a_failure_like_another(
    database: Database, tmp_path: Path
) -> None:
    blocked = 'op.execute("ALTER TABLE invoices ADD COLUMN paid boolean")'
    copy = changed(tmp_path, "fails_third", r3_upgrade=blocked)
    database.rows("CREATE TABLE invoices ()")
    with closing(psycopg2.connect(database.url)) as other:
        other.cursor().execute("SELECT count(*) FROM invoices")
        line = (*ROLLBACK, "--ddl-lock-timeout", "0.5s", "--ddl-retry-for", "0")
        ended = run(*line, tree=copy, url=database.url)

    hint = assert_failed_with(ended, 75, "rolled_back", [])
    assert "took back what this run had done: r2, r1." in hint
    assert database.revisions() == []


# No rollback is begun


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_an_interrupted_run_begins_no_rollback(
    number: signal.Signals, code: int, database: Database
) -> None:
    running = start(*ROLLBACK, tree="slow", url=database.url, SLOW_SECONDS="600")
    eventually(lambda: sleeping(database))
    running.kill(number)
    ended = running.end()

    assert ended.exit_code == code
    assert ended.report["outcome"] == "interrupted"
    assert ended.report["database_state"] == "partially_migrated"
    assert "took nothing back. An interrupted run begins no" in ended.report["error"]["hint"]
    assert database.revisions() == ["r1"]


def test_a_run_past_its_deadline_begins_no_rollback(database: Database) -> None:
    line = (*ROLLBACK, "--deadline", "4s")
    ended = run(*line, tree="slow", url=database.url, SLOW_SECONDS="600")
    assert ended.exit_code == 124
    assert "took nothing back. An interrupted run" in ended.report["error"]["hint"]
    assert database.revisions() == ["r1"]


def test_a_run_that_lost_its_lock_begins_no_rollback(database: Database) -> None:
    running = start(*ROLLBACK, tree="slow", url=database.url, SLOW_SECONDS="600")
    eventually(lambda: sleeping(database))
    end_guard(database)
    ended = running.end()

    hint = assert_failed_with(ended, 69, "partially_migrated", ["r1"])
    assert "took nothing back. The server, or the lock, was lost on the way." in hint
    assert database.revisions() == ["r1"]


@pytest.mark.skipif(pgbouncer_program() is None, reason="no pgbouncer here")
@pytest.mark.parametrize("mode", ["transaction", "session"])
def test_through_a_pooler_it_is_taken_back_too(
    mode: str, server: Server, database: Database, tmp_path: Path
) -> None:
    program = pgbouncer_program()
    assert program
    with pgbouncer(program, server, tmp_path, mode) as port:
        url = f"postgresql://postgres@127.0.0.1:{port}/{database.name}"
        ended = run(*ROLLBACK, tree="fails_third", url=url)

    assert ended.named("database.connected")[0]["pooled"]
    assert_failed_with(ended, 65, "rolled_back", [])
    assert database.revisions() == []
