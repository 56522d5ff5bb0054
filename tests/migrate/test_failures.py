"""Every way to fail: exit code, last event, state of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlalchemy

from tests.support.command import run
from tests.support.servers import as_role, free_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database, Server

BROKEN = [
    ("two_heads", "2 heads: r2, r3"),
    ("branches", "2 heads: a2, b2"),
    ("gap", "r3 follows r2, which is not there"),
    ("cycle", "ycle"),
    ("duplicate_revision", "r2 is present more than once"),
    ("revision_syntax_error", "line 11"),
    ("env_raises", "RuntimeError: SHOP_DATABASE_URL is not set (env.py, line 9)"),
    ("env_exits", "sys.exit(0) (env.py, line 5)"),
    ("env_asks_nothing", "never called run_migrations()"),
    ("built_in_code", "There is no Alembic project here"),
    ("connects_elsewhere", "KeyError: 'OTHER_DATABASE_URL' (env.py"),
]


@pytest.mark.parametrize(("tree", "sentence"), BROKEN)
def test_a_broken_project_is_refused_with_66_before_anything_is_locked(
    tree: str, sentence: str, database: Database
) -> None:
    ended = run("run", tree=tree, url=database.url)

    assert ended.exit_code == 66
    assert ended.report["outcome"] == "refused"
    assert ended.report["exit_code"] == 66
    assert ended.report["error"]["kind"] == "project"
    assert sentence in ended.report["error"]["message"]
    assert ended.report["database_state"] == "unchanged"
    assert "lock.acquired" not in ended.events
    assert database.tables() == set()


def test_an_ini_file_that_cannot_be_read_is_a_broken_project(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / "alembic.ini").write_text("[alembic\nscript_location = x\n")
    ended = run("run", tree=tmp_path, url=database.url)
    assert ended.exit_code == 66
    assert "alembic.ini cannot be read" in ended.report["error"]["message"]


def test_a_project_that_is_not_there_is_said_before_anybody_waits_for_the_database(
    tmp_path: Path,
) -> None:
    ended = run(tree=tmp_path, url=f"postgresql://nobody@127.0.0.1:{free_port()}/nothing")
    assert ended.exit_code == 66
    assert "There is no Alembic project here" in ended.report["error"]["message"]


def test_a_config_that_is_not_there_is_named(database: Database) -> None:
    ended = run("run", "-c", "nowhere.ini", url=database.url)
    assert ended.exit_code == 66
    assert "nowhere.ini is not a file" in ended.report["error"]["message"]


FAILING = [
    # tree, failed, state, revisions left in the database, words of the message, sqlstate
    ("fails_second", "r2", "unchanged", [], "nickname", "42703"),
    ("fails_second_per_revision", "r2", "partially_migrated", ["r1"], "nickname", "42703"),
    ("fails_after_commit", "r2", "partially_migrated", ["r1"], "nickname", "42703"),
    ("commits_by_hand", "r2", "partially_migrated", ["r1"], "nickname", "42703"),
    ("raises_python", "r2", "unchanged", [], "ValueError: no name for account 17", None),
    ("raw_driver", "r2", "unchanged", [], "nickname", "42703"),
    ("exits", "r2", "unchanged", [], "sys.exit(0) (versions/r2.py", None),
    ("deferred_constraint", None, "unchanged", [], "Key (account_id)=(999)", "23503"),
    ("secret_in_error", "r2", "unchanged", [], "line 1, column 55", "42601"),
]


@pytest.mark.parametrize(
    ("tree", "failed", "state", "left", "words", "sqlstate"), FAILING, ids=lambda v: str(v)[:25]
)
def test_a_revision_that_fails_ends_with_65_and_says_what_it_left(  # noqa: PLR0913, PLR0917 - a table
    tree: str,
    failed: str | None,
    state: str,
    left: list[str],
    words: str,
    sqlstate: str | None,
    database: Database,
) -> None:
    ended = run("run", tree=tree, url=database.url)

    assert ended.exit_code == 65
    report = ended.report
    assert (report["outcome"], report["exit_code"]) == ("failed", 65)
    assert report["failed"] == failed
    assert report["database_state"] == state
    assert report["error"]["kind"] == "revision"
    assert report["error"]["sqlstate"] == sqlstate
    assert words in report["error"]["message"]
    assert database.revisions() == left
    assert [a["revision"] for a in report["applied"]] == left
    assert [e["revision"] for e in ended.named("revision.applied")] == left
    assert "upgrade.verified" not in ended.events
    assert database.advisory_locks() == 0


def test_the_statement_that_failed_is_quoted_with_its_place(database: Database) -> None:
    message = run("run", tree="fails_second", url=database.url).report["error"]["message"]
    assert 'column "nickname" of relation "accounts" does not exist (42703)' in message
    assert "ALTER TABLE accounts ALTER COLUMN nickname SET NOT NULL" in message


def test_what_a_failed_revision_committed_is_called_partial(database: Database) -> None:
    ended = run("run", tree="commits_by_hand", url=database.url)
    assert ended.report["database_state"] == "partially_migrated"
    assert "invoices" in database.tables()


def test_what_a_failed_revision_committed_is_called_partial_though_no_revision_was_applied(
    database: Database,
) -> None:
    run("run", "--target", "r1", tree="fails_after_commit", url=database.url)
    ended = run("run", tree="fails_after_commit", url=database.url)

    assert ended.exit_code == 65
    assert ended.report["applied"] == []
    assert database.revisions() == ["r1"]
    assert ended.report["database_state"] == "partially_migrated"


def test_a_failed_run_can_be_repeated_after_a_mend(database: Database) -> None:
    run("run", tree="fails_second_per_revision", url=database.url)
    database.rows("ALTER TABLE accounts ADD COLUMN nickname text")
    ended = run("run", tree="fails_second_per_revision", url=database.url)

    assert ended.exit_code == 0
    assert ended.report["from"] == ["r1"]
    assert database.revisions() == ["r3"]


def test_a_revision_without_the_right_is_named_with_its_sqlstate(
    server: Server, database: Database
) -> None:
    with limited(server, database) as url:
        ended = run("run", tree="permission_denied", url=url)

    assert ended.exit_code == 65
    assert ended.report["failed"] == "r1"
    assert ended.report["error"]["sqlstate"] == "42501"
    assert database.tables() == set()


def test_a_role_that_may_not_make_the_version_table_ends_with_77(
    server: Server, database: Database
) -> None:
    database.rows("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    with limited(server, database, grant=False) as url:
        ended = run("run", tree="plain", url=url)

    assert ended.exit_code == 77
    assert ended.report["error"]["kind"] == "denied"
    assert ended.report["error"]["sqlstate"] == "42501"
    assert "GRANT" in ended.report["error"]["hint"]
    assert ended.report["database_state"] == "unchanged"
    assert database.tables() == set()


def limited(server: Server, database: Database, *, grant: bool = True) -> Role:
    return Role(server, database, grant=grant)


class Role:
    """A role that is not a superuser, for as long as the block lasts."""

    def __init__(self, server: Server, database: Database, *, grant: bool) -> None:
        self.server, self.database, self.grant = server, database, grant
        self.name = f"role_{database.name}"

    def __enter__(self) -> str:
        self.database.rows(f"CREATE ROLE {self.name} LOGIN PASSWORD 'limited-role'")
        if self.grant:
            self.database.rows(f"GRANT ALL ON SCHEMA public TO {self.name}")
        return as_role(self.database, self.name, "limited-role")

    def __exit__(self, *_: object) -> None:
        self.database.rows(f"DROP OWNED BY {self.name}")
        self.database.rows(f"DROP ROLE {self.name}")


def test_an_unknown_revision_is_refused_with_76(database: Database) -> None:
    run("run", url=database.url)
    database.rows("UPDATE alembic_version SET version_num = 'from_a_newer_release'")
    ended = run("run", url=database.url)

    assert ended.exit_code == 76
    assert ended.report["outcome"] == "refused"
    assert ended.report["error"]["kind"] == "disagreement"
    assert "from_a_newer_release" in ended.report["error"]["message"]
    assert ended.report["database_state"] == "unchanged"
    assert database.revisions() == ["from_a_newer_release"]


@pytest.mark.skipif(
    sqlalchemy.__version__.startswith("1."), reason="on SQLAlchemy 1.4 Alembic does store it"
)
def test_an_upgrade_that_was_silently_rolled_back_is_never_a_success(database: Database) -> None:
    ended = run("run", tree="statement_before_configure", url=database.url)

    assert ended.exit_code == 76
    assert ended.report["outcome"] == "failed"
    assert ended.report["error"]["kind"] == "unproven"
    assert ended.report["applied"] == []
    assert ended.report["database_state"] == "unchanged"
    assert "revision.applied" not in ended.events
    assert "upgrade.verified" not in ended.events
    assert database.revisions() == []


def test_an_invalid_index_left_behind_is_never_a_success(database: Database) -> None:
    ended = run("run", tree="invalid_index", url=database.url)

    assert ended.exit_code == 76
    assert "public.accounts_email is invalid" in ended.report["error"]["message"]
    assert "DROP INDEX CONCURRENTLY public.accounts_email" in ended.report["error"]["hint"]
    assert database.revisions() == ["r2"]
    assert ended.report["database_state"] == "partially_migrated"


def test_an_invalid_index_that_was_there_before_is_not_this_runs_failure(
    database: Database,
) -> None:
    database.rows("CREATE TABLE old (n int)")
    database.rows("INSERT INTO old VALUES (1), (1)")
    with pytest.raises(Exception, match="could not create unique index"):
        database.rows("CREATE UNIQUE INDEX CONCURRENTLY old_n ON old (n)")

    assert run("run", url=database.url).exit_code == 0


def test_no_secret_of_a_statement_is_printed(database: Database) -> None:
    ended = run("run", tree="secret_in_error", url=database.url, MIGRATOR_LOG_LEVEL="debug")
    assert "hunter2-secret" not in ended.stdout
    assert "PASSWORD '***'" in ended.report["error"]["message"]
