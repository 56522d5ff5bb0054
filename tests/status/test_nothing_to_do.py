"""A run with nothing to do is over before anything heavy could have been loaded."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support.command import KEPT, TREES, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database

HEAVY = {
    *("alembic", "sqlalchemy", "mako", "click", "tenacity"),
    *("email", "http", "multiprocessing", "pkg_resources"),
    *("tomllib", "difflib", "importlib.metadata", "xml"),
}


def loaded(tree: str, database: Database, command: str = "run") -> set[str]:
    """Give the modules that a command loads, and the packages that they are in."""
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "migrator", command],
        cwd=TREES / tree,
        env={k: v for k, v in os.environ.items() if k in KEPT}
        | {"MIGRATOR_DATABASE_URL": database.url, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line for line in ended.stderr.splitlines() if line.startswith("import time:")]
    names = {line.rpartition("|")[2].strip() for line in lines}
    return names | {name.partition(".")[0] for name in names}


def test_a_run_with_nothing_to_do_loads_neither_alembic_nor_what_it_does_not_need(
    database: Database,
) -> None:
    assert run(tree="per_revision", url=database.url).exit_code == 0
    assert loaded("per_revision", database) & HEAVY == set()


def test_a_whole_run_loads_nothing_of_backups_where_none_is_asked_for(database: Database) -> None:
    found = loaded("per_revision", database)
    assert "alembic" in found
    assert not [name for name in found if name.startswith("migrator.backup")]


def test_it_says_the_same_as_the_whole_job(database: Database) -> None:
    """The second goes the whole way, because of its argument."""
    assert run(tree="per_revision", url=database.url).exit_code == 0
    short = run("run", tree="per_revision", url=database.url)
    whole = run("run", "-x", "a=b", tree="per_revision", url=database.url)

    assert short.events == whole.events
    for mine, other in zip(short.lines, whole.lines, strict=True):
        assert mine.keys() == other.keys()
        changing = {"timestamp", "run_id", "duration_s"}
        assert {k: v for k, v in mine.items() if k not in changing} == {
            k: v for k, v in other.items() if k not in changing
        }


def test_what_is_pending_is_done_as_ever(database: Database) -> None:
    assert run("run", "--target", "r2", tree="per_revision", url=database.url).exit_code == 0
    ended = run("run", tree="per_revision", url=database.url)
    assert ended.exit_code == 0
    assert [each["revision"] for each in ended.report["applied"]] == ["r3"]
    assert len(ended.named("database.connected")) == 1


def test_the_project_has_the_garbage_collector_that_the_quick_answer_does_without(
    database: Database, tmp_path: Path
) -> None:
    project = shutil.copytree(TREES / "per_revision", tmp_path / "project")
    env_py = project / "env.py"
    told = 'import gc, sys\nprint("collects:", gc.isenabled(), file=sys.stderr)\n'
    env_py.write_text(told + env_py.read_text())

    assert "collects: True" in run(tree=project, url=database.url).stderr
