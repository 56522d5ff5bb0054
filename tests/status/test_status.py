"""`migrator status`: where a database stands, in each state there is."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.command import TREES, eventually, run, start
from tests.support.servers import free_port

if TYPE_CHECKING:
    from tests.support.command import Ended
    from tests.support.servers import Database

FIELDS = ["state", "current", "head", "pending", "lock", "last_run", "warnings", "drift"]


def told(ended: Ended) -> dict[str, Any]:
    """Give the answer, which is all of standard output; the log must be elsewhere."""
    answer: dict[str, Any] = json.loads(ended.stdout)
    assert list(answer) == FIELDS
    for line in ended.stderr.splitlines():
        assert json.loads(line)["event"] in {"database.connected", "project.loaded"}
    return answer


def status(database: Database, *arguments: str, tree: str = "per_revision", code: int = 0) -> Any:  # noqa: ANN401 - JSON
    ended = run("status", "--json", *arguments, tree=tree, url=database.url)
    assert ended.exit_code == code, ended.output
    return told(ended)


def test_an_empty_database_is_empty_and_all_is_pending(database: Database) -> None:
    answer = status(database, "--exit-code", code=76)
    assert answer["state"] == "empty"
    assert (answer["current"], answer["head"]) == ([], ["r3"])
    assert [one["revision"] for one in answer["pending"]] == ["r1", "r2", "r3"]
    assert answer["pending"][0]["title"] == "Create accounts."
    assert (answer["lock"], answer["last_run"], answer["warnings"]) == (None, None, [])
    assert database.tables() == set()


def test_at_head_it_says_so_and_names_the_last_run(database: Database) -> None:
    ran = run("run", tree="per_revision", url=database.url).report
    answer = status(database, "--exit-code")
    assert (answer["state"], answer["current"], answer["head"]) == ("at_head", ["r3"], ["r3"])
    assert answer["pending"] == []
    last = answer["last_run"]
    assert {k: last[k] for k in ("run_id", "outcome", "exit_code", "from", "to")} == {
        k: ran[k] for k in ("run_id", "outcome", "exit_code", "from", "to")
    }
    assert [one["revision"] for one in last["applied"]] == ["r1", "r2", "r3"]


def test_behind_it_lists_what_is_pending(database: Database) -> None:
    run("run", "--target", "r2", tree="per_revision", url=database.url)
    answer = status(database, "--exit-code", code=3)
    assert (answer["state"], answer["current"]) == ("behind", ["r2"])
    assert [one["revision"] for one in answer["pending"]] == ["r3"]
    assert database.revisions() == ["r2"]


def test_without_exit_code_any_answer_is_a_success(database: Database) -> None:
    assert status(database)["state"] == "empty"


def test_tables_without_a_version_table_are_unversioned(database: Database) -> None:
    database.rows("CREATE TABLE accounts (id int)")
    assert status(database, "--exit-code", code=76)["state"] == "unversioned"


def test_a_version_table_without_a_row_is_behind(database: Database) -> None:
    database.rows("CREATE TABLE accounts (id int)")
    database.rows("CREATE TABLE alembic_version (version_num text)")
    assert status(database)["state"] == "behind"


def test_a_revision_unknown_here_is_ahead_where_this_head_was_applied(database: Database) -> None:
    run("run", tree="per_revision", url=database.url)
    database.rows("UPDATE alembic_version SET version_num = 'r4'")
    answer = status(database, "--exit-code", code=76)
    assert (answer["state"], answer["current"], answer["head"]) == ("ahead", ["r4"], ["r3"])


def test_a_revision_unknown_here_is_diverged_where_this_head_never_was(
    database: Database,
) -> None:
    run("run", "--target", "r1", tree="per_revision", url=database.url)
    database.rows("UPDATE alembic_version SET version_num = 'other'")
    assert status(database, "--exit-code", code=76)["state"] == "diverged"


def test_without_a_ledger_a_revision_unknown_here_is_ahead(database: Database) -> None:
    database.rows("CREATE TABLE alembic_version (version_num text)")
    database.rows("INSERT INTO alembic_version VALUES ('other')")
    assert status(database)["state"] == "ahead"


def test_it_names_who_holds_the_lock_what_that_runs_and_what_blocks_it(database: Database) -> None:
    run("run", "--target", "r1", tree="alters_table", url=database.url)
    with database.connect() as other:
        other.autocommit = False
        other.cursor().execute("SELECT count(*) FROM accounts")
        job = start("run", "--ddl-lock-timeout", "20s", tree="alters_table", url=database.url)
        job.until("revision.started")
        eventually(lambda: bool(waits(database)))
        lock = status(database, tree="alters_table")["lock"]
        text = run("status", tree="alters_table", url=database.url).stdout
        hidden = run(
            "status", "--json", "--log-queries", "off", tree="alters_table", url=database.url
        )
        other.rollback()
    assert job.end().exit_code == 0

    assert lock["application_name"].startswith("migrator")
    assert lock["held_s"] > 0
    assert [one["query"][:11] for one in lock["running"]] == ["ALTER TABLE"]
    assert [one["query"] for one in lock["blocked_by"]] == ["SELECT count(*) FROM accounts"]
    assert "lock      migrator" in text
    assert f"blocked   by a session (pid {lock['blocked_by'][0]['pid']}, role " in text
    assert "idle in transaction), in its transaction for" in text
    assert re.search(
        r"running   a session \(pid \d+\), in its statement for \d+ s: ALTER TABLE", text
    )
    assert told(hidden)["lock"]["running"][0]["query"] is None
    assert status(database, tree="alters_table")["lock"] is None


def waits(database: Database) -> list[tuple[Any, ...]]:
    return database.rows("SELECT pid FROM pg_locks WHERE NOT granted AND locktype = 'relation'")


def test_it_warns_of_what_is_broken(database: Database) -> None:
    run("run", "--target", "r1", tree="alters_table", url=database.url)
    database.rows("INSERT INTO accounts VALUES (1, 'same'), (2, 'same')")
    database.rows("ALTER TABLE accounts ADD CONSTRAINT short CHECK (length(email) < 9) NOT VALID")
    with pytest.raises(Exception, match="could not create unique index"):
        database.rows("CREATE UNIQUE INDEX CONCURRENTLY accounts_email ON accounts (email)")
    index, constraint = status(database, tree="alters_table")["warnings"]
    assert "public.accounts_email is an invalid index" in index
    assert "short on accounts is not validated" in constraint


def test_for_a_person_the_verdict_comes_first(database: Database) -> None:
    run("run", "--target", "r2", tree="per_revision", url=database.url)
    lines = run("status", tree="per_revision", url=database.url).stdout.splitlines()
    assert lines[0] == "behind    The database is at r2, 1 revision short of r3."
    assert lines[1].startswith("pending   r3  ")
    assert lines[2].startswith("last run  20")


def test_the_cache_says_the_same_as_the_project(database: Database) -> None:
    """The second goes the whole way, because of its argument."""
    run("run", tree="per_revision", url=database.url)
    short = run("status", "--json", tree="per_revision", url=database.url)
    whole = run("status", "--json", "-x", "a=b", tree="per_revision", url=database.url)
    assert short.stdout == whole.stdout


FAULTS = [
    ("gap", 66, "The history has a gap"),
    ("two_heads", 66, "The project has 2 heads"),
    ("env_raises", 66, "env.py"),
]


@pytest.mark.parametrize(("tree", "code", "words"), FAULTS)
def test_a_broken_project_is_a_sentence_and_66(
    tree: str, code: int, words: str, database: Database
) -> None:
    ended = run("status", "--json", tree=tree, url=database.url)
    assert ended.exit_code == code
    assert words in json.loads(ended.stdout)["error"]["message"]
    assert "Traceback" not in ended.output


def test_a_database_that_is_not_there_is_a_sentence_and_69() -> None:
    url = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    ended = run("status", "--connect-timeout", "1s", url=url)
    assert ended.exit_code == 69
    assert ended.stdout == ""
    assert "migrator: nobody@127.0.0.1" in ended.stderr
    assert "Traceback" not in ended.output


def test_a_wrong_setting_is_a_sentence_and_78(database: Database) -> None:
    ended = run("status", url=database.url, MIGRATOR_LOCKWAIT="1s")
    assert ended.exit_code == 78
    assert "did you mean MIGRATOR_LOCK_WAIT?" in ended.stderr


def test_auto_migrate_false_keeps_nobody_from_asking(database: Database) -> None:
    ended = run("status", "--json", url=database.url, AUTO_MIGRATE="false")
    assert told(ended)["state"] == "empty"


def test_a_flag_that_is_none_is_64(database: Database) -> None:
    ended = run("status", "--jason", url=database.url)
    assert ended.exit_code == 64
    assert "No such option" in ended.stderr


def test_it_changes_nothing(database: Database) -> None:
    """The example may be looked at by a role that may only read."""
    run("run", tree="per_revision", url=database.url)
    database.rows("DROP SCHEMA migrator CASCADE")
    status(database)
    status(database, "-x", "a=b")
    assert database.tables("migrator") == set()
    assert (TREES / "per_revision").is_dir()
