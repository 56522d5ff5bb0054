"""The command line: what is read without click, and what `import migrator` brings along."""

from __future__ import annotations

import subprocess
import sys

import pytest

import migrator
from migrator.cli import fast
from migrator.version import __version__


@pytest.mark.parametrize(
    "line",
    [
        *("", "run", "status", "status --json", "wait", "wait --json"),
        *("wait --timeout 5m", "wait --timeout 5m --json"),
    ],
)
def test_a_plain_line_is_read_without_click(line: str) -> None:
    assert fast.plain(line.split()) is not None


@pytest.mark.parametrize(
    "line",
    [
        *("--json", "run --json", "run --target r1", "--target r1", "--help", "plan --json"),
        *("status --exit-code", "status --json --json", "status --config --json", "waits"),
        *("wait --timeout", "wait --timeout --json", "wait --timeout soon", "wait --timeout 0"),
        *("wait --json --timeout 5m", "wait --timeout=5m", "wait 5m"),
    ],
)
def test_any_other_line_is_left_to_click(line: str) -> None:
    assert fast.plain(line.split()) is None


def test_waiting_takes_as_long_as_it_does_by_itself_where_the_time_is_empty() -> None:
    assert fast.timeout("") == fast.timeout(fast.TIMEOUT) == 600


def test_the_package_by_itself_loads_nothing_but_its_errors() -> None:
    code = (
        "import sys; before = {*sys.modules}; import migrator\n"
        "print(*sorted(name for name in {*sys.modules} - before if 'migrator' in name))\n"
        "assert not {'structlog', 'alembic', 'psycopg2'} & {*sys.modules}\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["migrator", "migrator.errors", "migrator.version"]


def test_the_package_has_its_version_and_no_other_name_than_its_own() -> None:
    assert migrator.__version__ == __version__
    with pytest.raises(AttributeError, match="'migrator' has no attribute 'upgrade'"):
        migrator.upgrade  # type: ignore[attr-defined] # noqa: B018 - it is to be refused
