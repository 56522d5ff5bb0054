"""`migrator run`: what a good run does, says and reports."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from migrator.output.log import Event
from tests.support.command import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database

GOOD_RUN = [
    "run.started",
    "database.connected",
    "project.loaded",
    "lock.acquired",
    "plan.made",
    *["revision.started"] * 3,
    *["revision.applied"] * 3,
    "upgrade.verified",
    "lock.released",
    "run.finished",
]
CONTRACT = [
    *("timestamp", "level", "event", "message", "run_id"),
    *("outcome", "exit_code", "duration_s", "from", "to", "applied", "failed"),
    *("database_state", "backup", "error"),
]


def test_brings_an_empty_database_to_head(database: Database) -> None:
    ended = run("run", tree="plain", url=database.url)

    assert ended.exit_code == 0
    assert database.revisions() == ["r3"]
    assert {"accounts", "orders"} <= database.tables()
    assert [e for e in GOOD_RUN if e in ended.events] == GOOD_RUN
    assert ended.report["outcome"] == "migrated"
    assert ended.report["from"] == []
    assert ended.report["to"] == ["r3"]
    assert [a["revision"] for a in ended.report["applied"]] == ["r1", "r2", "r3"]
    assert ended.report["database_state"] == "migrated"


def test_finds_nothing_to_do_the_second_time_and_takes_no_lock(database: Database) -> None:
    run("run", url=database.url)
    ended = run("run", url=database.url)

    assert ended.exit_code == 0
    assert ended.events == [
        "run.started",
        "database.connected",
        "project.loaded",
        "run.finished",
    ]
    assert ended.report["outcome"] == "up_to_date"
    assert ended.report["from"] == ended.report["to"] == ["r3"]
    assert ended.report["applied"] == []
    assert ended.report["database_state"] == "unchanged"


def test_run_is_the_command_when_none_is_given(database: Database) -> None:
    assert run(url=database.url).report["outcome"] == "migrated"


def test_run_is_the_command_when_the_line_begins_with_its_flag(database: Database) -> None:
    assert run("--target", "r1", url=database.url).report["to"] == ["r1"]


def test_the_report_has_exactly_the_fields_of_the_contract(database: Database) -> None:
    report = run("run", url=database.url).report

    assert list(report) == CONTRACT
    assert report["error"] is None
    assert report["backup"] is None
    assert set(report["applied"][0]) == {"revision", "duration_s"}


def test_every_line_has_a_time_in_utc_a_level_a_known_event_and_one_run_id(
    database: Database,
) -> None:
    lines = run("run", url=database.url).lines

    assert {line["run_id"] for line in lines} == {lines[0]["run_id"]}
    for line in lines:
        assert datetime.fromisoformat(line["timestamp"]).utcoffset() == timedelta(0)
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z", line["timestamp"])
        assert line["level"] in {"debug", "info", "warn", "error"}
        assert line["event"] in {str(e) for e in Event}
        assert line["message"]


def test_stops_at_the_target_and_goes_on_from_there(database: Database) -> None:
    first = run("run", "--target", "r2", url=database.url)
    assert database.revisions() == ["r2"]
    assert first.report["to"] == ["r2"]

    second = run("run", url=database.url)
    assert second.report["from"] == ["r2"]
    assert [a["revision"] for a in second.report["applied"]] == ["r3"]


def test_a_relative_target_counts_from_where_the_database_is(database: Database) -> None:
    assert run("run", "--target", "+1", url=database.url).report["to"] == ["r1"]
    assert run("run", "--target", "+1", url=database.url).report["to"] == ["r2"]
    assert database.revisions() == ["r2"]


def test_a_target_behind_the_database_is_nothing_to_do(database: Database) -> None:
    run("run", url=database.url)
    ended = run("run", "--target", "r1", url=database.url)

    assert ended.exit_code == 0
    assert ended.report["outcome"] == "up_to_date"
    assert database.revisions() == ["r3"]


def test_writes_the_report_to_the_file_asked_for(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    ended = run("run", "--report", str(file), url=database.url)

    assert ended.exit_code == 0
    written = json.loads(file.read_text())
    assert written == {k: v for k, v in ended.report.items() if k in CONTRACT[5:]}


@pytest.mark.parametrize("line", [["--help"], ["run", "--help"]])
def test_help_names_the_variable_of_each_flag(line: list[str]) -> None:
    ended = run(*line)

    assert ended.exit_code == 0
    if line[0] == "run":
        assert "MIGRATOR_LOCK_WAIT" in ended.stdout
        assert "MIGRATOR_DATABASE_URL" in ended.stdout
