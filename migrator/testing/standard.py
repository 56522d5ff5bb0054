"""The tests that every Alembic project should have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    Examination = Mapping[str, Any]
    """The answer of `migrator check --json`."""


def test_there_is_one_head(migrator_examination: Examination) -> None:
    """The files form one chain without a gap, and it has one head."""
    _passed(migrator_examination, "chain", "heads")


def test_migrations_go_up_down_and_up(migrator_examination: Examination) -> None:
    """Each revision can be applied, taken back and applied again, and leaves what it should."""
    _passed(migrator_examination, "environment", "upgrade", "downgrade")


def test_migrations_make_what_the_models_say(migrator_examination: Examination) -> None:
    """There is nothing that `alembic revision --autogenerate` would find."""
    _passed(migrator_examination, "models")


def test_migrations_hold_no_hazard_above_the_limit(
    migrator_hazards: Callable[[], Examination],
) -> None:
    """No revision is more of a danger to an application at work than `migrator_max_risk` allows."""
    _passed(migrator_hazards(), "hazards")


def _passed(examination: Examination, *names: str) -> None:
    """Fail with what was found, in words; skip where it was not looked at."""
    __tracebackhide__ = True
    checks = [each for each in examination["checks"] if each["check"] in names]
    found = [one for each in checks for one in each["findings"]]
    if found:
        pytest.fail("\n".join(map(_worded, found)), pytrace=False)
    left_out = [each["message"] for each in checks if each["state"] == "skipped"]
    if left_out:
        pytest.skip(" ".join(dict.fromkeys(left_out)))


def _worded(finding: Mapping[str, str | None]) -> str:
    message, revision = finding["message"] or "", finding["revision"]
    told = message if not revision or revision in message.split() else f"{revision}: {message}"
    return told + (f"\nHint: {finding['hint']}" if finding["hint"] else "")
