"""`migrator demo`: three real runs, and nothing left behind."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.command import run

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def place() -> Iterator[Path]:
    """Give a folder that the server's user may enter, which pytest's own would not let it."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


def test_shows_a_first_run_a_second_and_a_failing_one_and_cleans_up(place: Path) -> None:
    ended = run("demo", tree=place, TMPDIR=str(place))

    assert ended.exit_code == 0, ended.output
    assert re.findall(r"^exit code (\d+)$", ended.stdout, re.MULTILINE) == ["0", "0", "65"]
    assert "Migrated base → total_contract: 12 revisions" in ended.stdout
    assert "nothing is pending" in ended.stdout
    assert "Database: unchanged. Exit code 65." in ended.stdout
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
