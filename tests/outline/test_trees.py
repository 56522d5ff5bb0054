"""Every tree, on a real database: what its files prove is what a run says."""

from __future__ import annotations

import json
import os
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy

from migrator import job
from migrator.process.boundary import perform
from tests.command import TREES
from tests.outline.project import proven, within
from tests.test_projects import ALEMBIC

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Database

PROVEN = {
    *(
        "alters_in_one",
        "alters_table",
        "changes_nothing",
        "commits_by_hand",
        "concurrent_index",
        "deferred_constraint",
    ),
    *("depends_on", "disables_loggers", "empty_revision", "exits", "fails_after_commit"),
    *("fails_second", "fails_second_per_revision", "fails_third", "index_if_not_exists"),
    "invalid_index",
    *("keyword_arguments", "merged", "name_guard", "not_transactional", "own_transaction"),
    *("per_revision", "permission_denied", "plain", "raises_python", "raw_driver"),
    *("secret_in_error", "several_locations", "several_sections", "slow", "slow_in_python"),
    *("stubborn", "swallows_errors", "ten_revisions", "url_from_environment"),
    *(["toml_only"] if ALEMBIC >= (1, 16) else []),
    *(["async_env", "async_slow"] if sqlalchemy.__version__ >= "2" else []),
}
"""Trees whose head and version table are proven; that a run of them succeeds is not said."""

TOLD = {
    "other_section": {"config_section": "billing"},
    "several_sections": {"config_section": "alembic,analytics"},
    "branches": {"target": "heads"},
    "x_arguments": {"x": "tenant=acme"},
}


ENDS_ITS_PROCESS = {"signal_after_commit"}
"""Not run here, where the process is that of the tests."""


def trees() -> list[str]:
    return sorted({each.name for each in TREES.iterdir() if each.is_dir()} - ENDS_ITS_PROCESS)


def run(folder: Path, url: str, told: dict[str, str]) -> list[dict[str, Any]]:
    """Run the job here; gives the lines of its log."""
    log = StringIO()
    with within(folder):
        perform(job.run, {"database_url": url, **told}, os.environ, log, hear=False)
    return [json.loads(line) for line in log.getvalue().splitlines()]


def check(folder: Path, database: Database, told: dict[str, str]) -> bool:
    """Run it until nothing more is done, compare, and tell whether the files prove anything."""
    for _ in range(2):
        *_, loaded, report = [{}, *run(folder, database.url, told)]
    outline = proven(folder, database.url, **told)
    if outline is None:
        return False
    satisfied = outline.satisfied_by(database.revisions(str(outline.table)))
    assert satisfied == (report["outcome"] == "up_to_date"), report
    if satisfied:
        assert loaded["event"] == "project.loaded"
        assert loaded["version_tables"] == [str(outline.table)]
        assert report["to"] == [outline.head]
    return True


@pytest.mark.parametrize("tree", trees())
def test_what_the_files_prove_is_what_a_run_says(
    tree: str, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLOW_SECONDS", "0")
    assert check(TREES / tree, database, {}) == (tree in PROVEN)


@pytest.mark.parametrize("tree", TOLD)
def test_nothing_is_proven_of_an_unusual_run(tree: str, database: Database) -> None:
    assert check(TREES / tree, database, TOLD[tree]) == (tree == "other_section")
