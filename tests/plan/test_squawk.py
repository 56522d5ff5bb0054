"""The lint by squawk: what it says that we do not, and what happens where it cannot be asked."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from migrator.plan.hazards import squawk
from migrator.plan.hazards.find import judged
from migrator.plan.target import Conditions
from migrator.plan.trace.trace import Revision, Statement, Trace

SQUAWK = Path(sys.executable).parent / "squawk"
pytestmark = pytest.mark.skipif(not SQUAWK.exists(), reason="the extra lint is not installed")
LONG = "a_name_that_is_longer_than_the_sixty_three_bytes_that_postgres_keeps_of_it"
TOO_LONG = f"ALTER TABLE t\nADD COLUMN {LONG} int"


def trace(*revisions: tuple[str, ...]) -> Trace:
    """Give a trace of these statements."""
    flat = [(f"r{n}", sql) for n, each in enumerate(revisions, 1) for sql in each]
    return Trace(
        tuple(Revision(f"r{n}", "A change.", f"r{n}.py") for n in range(1, len(revisions) + 1)),
        tuple(
            Statement(number, revision, sql, None, None, 0.0, None, 1)
            for number, (revision, sql) in enumerate(flat, 1)
        ),
    )


def test_what_only_squawk_says_is_a_caution_at_its_statement() -> None:
    said = squawk.lint(
        trace(
            ("CREATE TABLE t (id int)",),
            ("SELECT 1", TOO_LONG, "SELECT 2"),
        )
    )
    assert [(h.code, h.level, h.revision, h.statement, h.found_by) for h in said.hazards] == [
        ("identifier-too-long", "caution", "r2", 3, "squawk")
    ]
    assert said.warnings == ()


def test_what_we_say_and_what_is_style_is_left_out() -> None:
    said = squawk.lint(trace(("CREATE INDEX i ON t (a)", "ALTER TABLE t ADD COLUMN b varchar(5)")))
    assert said == squawk.Remarks()
    all_of_it = squawk.said_of(trace(("CREATE INDEX i ON t (a)",)), str(SQUAWK))
    assert "require-concurrent-index-creation" in {told["rule_name"] for _, told in all_of_it}


@pytest.mark.parametrize("placeholder", ["%s", "%(id_1)s", "$1"])
def test_the_drivers_placeholders_are_no_mistakes(placeholder: str) -> None:
    used = trace((f"DELETE FROM t WHERE a LIKE '%%' AND b = {placeholder}", TOO_LONG))  # noqa: S608
    assert [hazard.code for hazard in squawk.lint(used).hazards] == ["identifier-too-long"]


def test_a_function_that_goes_with_its_trigger_breaks_nobody() -> None:
    alone = trace(("DROP FUNCTION in_step()",))
    assert [hazard.code for hazard in judged(alone, Conditions())[0]] == ["ban-drop-function"]
    together = trace(("DROP TRIGGER in_step ON t", "DROP FUNCTION in_step()"))
    assert judged(together, Conditions()) == ((), ())


def test_where_it_is_missing_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    assert squawk.lint(trace((TOO_LONG,))) == squawk.Remarks()


@pytest.mark.parametrize("does", ["exit 3", "echo no JSON"])
def test_where_it_fails_there_is_a_warning(
    does: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "squawk").write_text(f"#!/bin/sh\n{does}\n")
    (tmp_path / "squawk").chmod(0o755)
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    said = squawk.lint(trace(("SELECT 1",)))
    assert said.hazards == ()
    assert [each.partition(",")[0] for each in said.warnings] == ["squawk failed"]
