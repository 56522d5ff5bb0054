"""`migrator.run(config)`: the whole job for a project whose own command builds its Config."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support.command import TREES

if TYPE_CHECKING:
    from tests.support.servers import Database

COMMAND = """
import migrator
from appcommand import make_config
try:
    outcome = migrator.run(make_config(), {settings})
except migrator.MigratorError as error:
    raise SystemExit(error.exit_code)
assert outcome.exit_code == 0
"""


def run_in_code(
    database: Database, settings: str = "", **env: str
) -> tuple[int, list[dict[str, str]]]:
    """Run the project's own command; gives its exit code and the lines it logged."""
    ended = subprocess.run(
        [sys.executable, "-c", COMMAND.format(settings=settings)],
        cwd=TREES / "built_in_code",
        env={"PATH": os.environ["PATH"], "DATABASE_URL": database.url} | env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended.returncode, [json.loads(line) for line in ended.stdout.splitlines()]


def test_a_config_built_in_code_is_brought_to_head(database: Database) -> None:
    code, lines = run_in_code(database)
    assert code == 0
    assert lines[-1]["event"] == "run.finished"
    assert lines[-1]["outcome"] == "migrated"
    assert database.revisions() == ["r2"]

    assert run_in_code(database)[1][-1]["outcome"] == "up_to_date"


def test_settings_are_given_by_name(database: Database) -> None:
    code, _ = run_in_code(database, "target='r1', lock_wait='5m'")
    assert code == 0
    assert database.revisions() == ["r1"]


def test_a_failure_is_raised_with_its_exit_code(database: Database) -> None:
    code, lines = run_in_code(database, "target='nowhere'")
    assert code == 78
    assert lines[-1]["event"] == "run.finished"
    assert "nowhere" in lines[-1]["message"]
    assert database.tables() == set()


def test_the_caller_hears_its_own_signals_afterwards(database: Database) -> None:
    script = COMMAND.format(settings="") + (
        "import os, signal\n"
        "signal.signal(signal.SIGTERM, lambda *_: os._exit(42))\n"
        "os.kill(os.getpid(), signal.SIGTERM)\n"
        "signal.pause()\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script],
        cwd=TREES / "built_in_code",
        env={"PATH": os.environ["PATH"], "DATABASE_URL": database.url},
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 42


def test_a_setting_that_does_not_exist_is_refused(database: Database) -> None:
    code, lines = run_in_code(database, "lokc_wait='5m'")
    assert code == 78
    assert "lokc_wait is not a setting: did you mean lock_wait?" in lines[-1]["message"]
