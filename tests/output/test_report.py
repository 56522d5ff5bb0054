"""The report beside the log: a file, and Kubernetes' termination message."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from migrator.output.report import TERMINATION_BYTES, TERMINATION_LOG, shortened
from tests.support.command import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.servers import Database


@pytest.fixture
def termination_log() -> Iterator[Path]:
    """Make the file that Kubernetes would have put there."""
    if TERMINATION_LOG.exists() or os.geteuid() != 0:
        pytest.skip("only root can make /dev/termination-log, and only where there is none")
    TERMINATION_LOG.touch()
    yield TERMINATION_LOG
    TERMINATION_LOG.unlink()


def test_the_report_of_a_failed_run_is_written_too(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    ended = run("run", tree="fails_second", url=database.url, MIGRATOR_REPORT=str(file))

    written = json.loads(file.read_text())
    assert written["exit_code"] == ended.exit_code == 65
    assert written["error"] == ended.report["error"]


def test_the_report_of_wrong_settings_is_written_too(tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    assert run("run", MIGRATOR_REPORT=str(file)).exit_code == 78
    assert json.loads(file.read_text())["exit_code"] == 78


def test_a_report_that_cannot_be_written_after_all_does_not_change_the_result(
    database: Database, tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    file.symlink_to("/dev/full")
    ended = run("run", url=database.url, MIGRATOR_REPORT=str(file))

    assert ended.exit_code == 0
    assert "could not be written" in ended.stderr
    assert database.revisions() == ["r3"]


def test_kubernetes_gets_the_report_as_termination_message(
    database: Database, termination_log: Path
) -> None:
    ended = run("run", tree="fails_second", url=database.url, KUBERNETES_SERVICE_HOST="10.0.0.1")

    written = json.loads(termination_log.read_text())
    assert written["exit_code"] == ended.exit_code == 65
    assert len(termination_log.read_bytes()) <= TERMINATION_BYTES


def test_the_termination_log_is_left_alone_outside_kubernetes(
    database: Database, termination_log: Path
) -> None:
    assert run("run", url=database.url).exit_code == 0
    assert termination_log.read_text() == ""


def test_a_long_report_is_cut_to_what_kubernetes_keeps_and_is_still_json() -> None:
    report = {
        "outcome": "failed",
        "exit_code": 65,
        "applied": [{"revision": f"r{n}", "duration_s": 0.1} for n in range(2000)],
        "error": {"kind": "revision", "message": "é" * 20000, "hint": "h" * 5000},
    }
    short = shortened(report, TERMINATION_BYTES)

    assert len(short.encode()) <= TERMINATION_BYTES
    told = json.loads(short)
    assert told["exit_code"] == 65
    assert told["applied"][-1]["revision"] == "r1999"
    assert told["error"]["message"].startswith("é")
    assert shortened({"applied": []}, 100) == '{"applied":[]}'
