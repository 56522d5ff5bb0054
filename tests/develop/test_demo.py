"""`migrator demo`: real runs and a plan, and nothing left behind."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import run

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def place() -> Iterator[Path]:
    """Give a folder that the server's user may enter, which pytest's own would not let it."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


def test_shows_what_runs_and_a_plan_do_and_cleans_up(place: Path) -> None:
    ended = run("demo", tree=place, TMPDIR=str(place))

    assert ended.exit_code == 0, ended.output
    codes = re.findall(r"^(?:\[\d\] )?exit code (\d+)$", ended.stdout, re.MULTILINE)
    assert codes == ["0", "0", "65", "0", "0", "79"]
    assert "Migrated base → total_contract: 12 revisions" in ended.stdout
    assert "nothing is pending" in ended.stdout
    assert "Database: unchanged. Exit code 65." in ended.stdout
    assert re.search(
        r"^\[\d\] \S+ +lock\.waiting +Another run holds the lock", ended.stdout, re.MULTILINE
    )
    assert len(re.findall(r"revision\.applied +couriers ", ended.stdout)) == 1
    assert "rename-column, placed_on" in ended.stdout
    assert [p.name for p in place.iterdir() if p.name.startswith("migrator-")] == []


def test_the_demo_ignores_the_variables_of_a_real_target(tmp_path: Path) -> None:
    ended = run(
        "demo",
        tree=tmp_path,
        url="postgresql://u@production.invalid/db",
        DATABASE_URL="postgresql://u@production.invalid/db",
        PGHOST="production.invalid",
        MIGRATOR_TARGET="nowhere",
        AUTO_MIGRATE="false",
    )
    assert ended.exit_code == 0, ended.output
    assert "production" not in ended.stdout
