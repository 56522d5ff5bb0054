"""The log: survives the project, holds no secret, speaks to a person on a terminal."""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from migrator.output.redaction import Redactor, secrets_of
from tests.support.command import TREES, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database


def test_lines_go_on_where_env_py_disables_every_logger(database: Database) -> None:
    ended = run("run", tree="disables_loggers", url=database.url)
    assert ended.named("revision.applied")
    assert ended.report["outcome"] == "migrated"


def test_lines_go_on_where_the_project_configures_structlog_for_itself(
    database: Database, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    shutil.copytree(TREES / "plain", project)
    env_py = project / "env.py"
    env_py.write_text(
        "import structlog\n"
        "structlog.configure(processors=[lambda *_: 'swallowed'], cache_logger_on_first_use=True)\n"
        + env_py.read_text()
    )
    ended = run("run", tree=project, url=database.url)

    assert ended.exit_code == 0
    assert len(ended.named("revision.applied")) == 3
    assert "swallowed" not in ended.stdout


def test_warnings_only_are_logged_where_the_level_says_so_but_always_the_report(
    database: Database,
) -> None:
    ended = run("run", "--log-level", "warn", url=database.url)
    assert ended.events == ["run.finished"]


def test_the_password_is_in_no_line_whatever_fails(database: Database, tmp_path: Path) -> None:
    """A project that puts its URL, and the bare password, into the error it raises."""
    shutil.copytree(TREES / "plain", tmp_path / "project")
    env_py = tmp_path / "project" / "env.py"
    env_py.write_text(
        "import os\n"
        "raise RuntimeError(os.environ['DATABASE_URL'] + ' ' + os.environ['API_TOKEN']\n"
        "    + ' password=' + 'hunter2' + ' bare: ' + os.environ['PGPASSWORD'])\n"
    )
    ended = run(
        "run",
        tree=tmp_path / "project",
        url=database.url.replace("postgres:", "postgres:url%2Dsecret", 1)
        if "postgres:@" in database.url
        else database.url,
        API_TOKEN="token-secret",  # noqa: S106
        PGPASSWORD="variable-secret",
    )

    assert ended.exit_code == 66
    assert "***" in ended.report["error"]["message"]
    for secret in ("url-secret", "url%2Dsecret", "token-secret", "variable-secret", "hunter2"):
        assert secret not in ended.output


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("postgresql://u:pw@h/db", "postgresql://u:***@h/db"),
        ("postgresql://u:p@/:w@h/db failed", "postgresql://u:***@h/db failed"),
        ("postgresql://u@h/db", "postgresql://u@h/db"),
        ("CREATE ROLE x PASSWORD 'it''s'", "CREATE ROLE x PASSWORD '***'"),
        ("ALTER USER x PASSWORD 'y' VALID", "ALTER USER x PASSWORD '***' VALID"),
        ("host=h password=pw user=u", "host=h password=*** user=u"),
        ("sk@known and sk%40known", "*** and ***"),
        ("nothing here", "nothing here"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, masked: str) -> None:
    assert Redactor(["sk@known"]).text(text) == masked


def test_secrets_are_masked_all_the_way_down() -> None:
    value = {"a": ["sk-known", {"b": ("x sk-known",)}], "n": 1}
    assert Redactor(["sk-known"]).value(value) == {"a": ["***", {"b": ["x ***"]}], "n": 1}


def test_a_password_equal_to_the_roles_name_does_not_mask_every_name() -> None:
    assert Redactor(["app"], public=["app"]).text('role "app"') == 'role "app"'


def test_secrets_are_found_by_the_names_of_variables() -> None:
    environ = {
        "STRIPE_API_KEY": "sk_live_1",
        "DB_PASSWORD": "short",
        "SECRET_MODE": "on",
        "PGPASSWORD": "x",
        "OTHER_URL": "redis://:pw@h",
        "PATH": "/bin",
    }
    assert set(secrets_of(environ)) == {"sk_live_1", "x", "pw"}


def test_an_exception_nobody_expected_still_ends_with_a_report(
    database: Database, tmp_path: Path
) -> None:
    """A fault of our own: Python is told, before anything, to break a function of ours."""
    (tmp_path / "sitecustomize.py").write_text(
        "import migrator.database.lock.lock as lock\n"
        "def broken(*_):\n"
        "    local_secret = 'local-variable'\n"
        "    raise ZeroDivisionError('nobody expected this')\n"
        "lock.keys_for = broken\n"
    )
    ended = run("run", url=database.url, PYTHONPATH=str(tmp_path))

    assert ended.exit_code == 70
    assert ended.report["error"]["kind"] == "bug"
    assert "ZeroDivisionError: nobody expected this" in ended.report["error"]["message"]
    assert "Traceback" in ended.stderr
    assert "local-variable" not in ended.stdout
    assert database.tables() == set()


def test_a_reader_that_went_away_does_not_fail_the_run(database: Database) -> None:
    line = f"{sys.executable} -m migrator run | true; exit ${{PIPESTATUS[0]}}"
    ended = subprocess.run(
        ["bash", "-c", line],  # noqa: S607
        cwd=TREES / "plain",
        env={"PATH": os.environ["PATH"], "MIGRATOR_DATABASE_URL": database.url},
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert database.revisions() == ["r3"]


def on_a_terminal(*arguments: str, tree: str, url: str) -> str:
    """Run the command with a terminal as its standard output and give what it wrote there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "migrator", *arguments],
        cwd=TREES / tree,
        env={"PATH": os.environ["PATH"], "MIGRATOR_DATABASE_URL": url},
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            data = os.read(ours, 65536)
        except OSError:
            break
        if not data:
            break
        written += data
    process.wait()
    os.close(ours)
    return written.decode()


def test_a_terminal_gets_aligned_and_coloured_lines(database: Database) -> None:
    written = on_a_terminal("run", tree="plain", url=database.url)

    assert "\033[32m" in written
    plain = re.sub(r"\033\[\d+m", "", written).splitlines()
    further = " " * len("12:00:00  database.connected  ")
    plain = [line for line in plain if not line.startswith(further)]
    assert all(re.match(r"\d\d:\d\d:\d\d  [a-z.]+ +\S", line) for line in plain)
    sentences = {len(re.match(r"\S+  \S+ +", line)[0]) for line in plain}  # type: ignore[index]
    assert len(sentences) == 1
    assert "Migrated base → r3: 3 revisions" in plain[-1]


def test_no_terminal_gets_no_colours(database: Database) -> None:
    ended = run("run", "--log-format", "console", url=database.url)
    assert "\033" not in ended.stdout
    assert "run.finished" in ended.stdout.splitlines()[-1]


def test_a_terminal_may_be_given_json(database: Database) -> None:
    written = on_a_terminal("run", "--log-format", "json", tree="plain", url=database.url)
    assert written.startswith('{"timestamp"')
