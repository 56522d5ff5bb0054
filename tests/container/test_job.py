"""The job as a container: how it ends, and what the database is then."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from tests.container.engine import HARDENED, ROOT, applied, fresh, postgres
from tests.support.command import TREES, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from testcontainers.core.network import Network

    from tests.container.engine import Database, Jobs
    from tests.support.command import Ended

EXAMPLE = ScriptDirectory.from_config(Config(str(ROOT / "alembic.ini")))
HEAD = EXAMPLE.get_current_head()


def assert_good(ended: Ended, target: Database) -> None:
    assert ended.exit_code == 0, ended.output
    assert ended.report["outcome"] == "migrated"
    assert ended.report["to"] == target.revisions() == [HEAD]
    assert "orders" in target.tables()
    assert ended.stderr == ""


def test_a_run_brings_the_database_to_head_and_a_second_has_nothing_to_do(
    release: str, jobs: Jobs, target: Database
) -> None:
    assert_good(jobs.run(release, url=target.url), target)
    again = jobs.run(release, url=target.url)

    assert again.exit_code == 0
    assert again.report["outcome"] == "up_to_date"


def test_a_run_needs_neither_a_writable_root_nor_a_known_user_nor_any_capability(
    release: str, jobs: Jobs, target: Database
) -> None:
    assert_good(jobs.run(release, url=target.url, **HARDENED), target)


def test_a_mounted_project_is_run_under_the_same_restrictions(
    tool: str, jobs: Jobs, target: Database
) -> None:
    ended = jobs.run(tool, tree="plain", url=target.url, **HARDENED)

    assert ended.exit_code == 0, ended.output
    assert target.revisions() == ["r3"]


def test_a_failed_revision_is_65(tool: str, jobs: Jobs, target: Database) -> None:
    ended = jobs.run(tool, tree="fails_second", url=target.url)

    assert ended.exit_code == ended.report["exit_code"] == 65
    assert ended.report["failed"] == "r2"
    assert target.tables() == set()


def test_a_broken_project_is_66(tool: str, jobs: Jobs, target: Database) -> None:
    ended = jobs.run(tool, tree="two_heads", url=target.url)

    assert ended.exit_code == ended.report["exit_code"] == 66
    assert target.tables() == set()


@pytest.mark.parametrize("hidden", [".", "alembic.ini", "env.py", "versions", "versions/r2.py"])
def test_a_project_that_its_user_may_not_read_is_66(
    hidden: str, tool: str, jobs: Jobs, target: Database, tmp_path: Path
) -> None:
    """As after a checkout under a umask of 077; nothing of it may pass for an empty history."""
    project = shutil.copytree(TREES / "plain", tmp_path / "project")
    (project / hidden).chmod(0)
    ended = jobs.run(tool, tree=str(project), url=target.url, **HARDENED)
    (project / hidden).chmod(0o700)

    assert ended.exit_code == ended.report["exit_code"] == 66
    assert "Permission denied" in ended.report["error"]["message"]
    assert target.tables() == set()


def test_an_unreachable_database_is_69(release: str, jobs: Jobs) -> None:
    env = {"MIGRATOR_CONNECT_TIMEOUT": "2s"}
    ended = jobs.run(release, url="postgresql://u@127.0.0.1:1/db", env=env)

    assert ended.exit_code == ended.report["exit_code"] == 69


def test_a_held_lock_is_75(tool: str, jobs: Jobs, target: Database) -> None:
    first = jobs.start(tool, tree="slow", url=target.url, env={"SLOW_SECONDS": "12"})
    first.until("revision.started", revision="r2")
    second = jobs.run(tool, "run", "--lock-wait", "1s", tree="slow", url=target.url)

    assert second.exit_code == second.report["exit_code"] == 75
    assert first.end().exit_code == 0


def test_an_unknown_revision_is_76(release: str, jobs: Jobs, target: Database) -> None:
    target.rows("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    target.rows("INSERT INTO alembic_version VALUES ('nobody_knows')")
    ended = jobs.run(release, url=target.url)

    assert ended.exit_code == ended.report["exit_code"] == 76
    assert target.revisions() == ["nobody_knows"]


def test_a_wrong_password_is_77(release: str, jobs: Jobs, target: Database) -> None:
    ended = jobs.run(release, url=target.url.replace(":a%20", ":not%20a%20"))

    assert ended.exit_code == ended.report["exit_code"] == 77


def test_a_misspelt_variable_is_78(release: str, jobs: Jobs, target: Database) -> None:
    ended = jobs.run(release, url=target.url, env={"MIGRATOR_LOCKWAIT": "1s"})

    assert ended.exit_code == ended.report["exit_code"] == 78
    assert "MIGRATOR_LOCK_WAIT" in ended.report["error"]["message"]


def test_a_wrong_flag_is_64(release: str, jobs: Jobs) -> None:
    assert jobs.run(release, "run", "--nonsense").exit_code == 64


def test_sigterm_ends_a_slow_revision_and_leaves_nothing_half_done(
    tool: str, jobs: Jobs, target: Database
) -> None:
    job = jobs.start(tool, tree="slow", url=target.url, env={"SLOW_SECONDS": "600"}, **HARDENED)
    job.until("revision.started", revision="r2")
    eventually(lambda: target.statements() > 0)
    job.docker.kill("SIGTERM")
    ended = job.end()

    assert ended.exit_code == ended.report["exit_code"] == 143
    assert ended.report["outcome"] == "interrupted"
    assert target.revisions() == ["r1"]
    assert "orders" not in target.tables()
    eventually(lambda: target.statements() == 0)


def test_of_two_containers_at_once_one_applies_each_revision(
    release: str, jobs: Jobs, target: Database
) -> None:
    running = [jobs.start(release, url=target.url) for _ in range(2)]
    ended = [each.end() for each in running]

    assert [each.exit_code for each in ended] == [0, 0], "".join(e.output for e in ended)
    everything = [script.revision for script in EXAMPLE.walk_revisions()]
    assert sorted([*applied(ended[0]), *applied(ended[1])]) == sorted(everything)
    assert target.revisions() == [HEAD]


@pytest.mark.parametrize("host", ["late"])
def test_a_postgres_that_starts_10_seconds_late_is_waited_for(
    host: str, release: str, jobs: Jobs, network: Network
) -> None:
    """Its name does not resolve at first; then it does and nobody listens; then it answers."""
    url = f"postgresql://postgres:a%20password%20of%20the%20tests@{host}/postgres"
    job = jobs.start(release, url=url)
    job.until("database.waiting")
    time.sleep(10)
    with postgres(network, host) as server, fresh(server, host):
        ended = job.end()

    assert ended.exit_code == 0, ended.output
    assert ended.report["to"] == [HEAD]
    assert ended.report["duration_s"] >= 10
