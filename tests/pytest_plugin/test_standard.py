"""The tests that every Alembic project should have, brought by one import."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.plan.releases import revise
from tests.pytest_plugin.projects import STANDARD, pytest_in, sound

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Server

BESIDE = """
import pytest
from migrator.testing import *
from pytest_alembic.tests import *

@pytest.fixture
def alembic_engine(migrated_engine):
    return migrated_engine
"""
ADD_INDEX = "op.create_index('accounts_email', 'accounts', ['email'])"
DROP_INDEX = "op.drop_index('accounts_email')"


def failures(told: str) -> dict[str, str]:
    """Give what was said of each test that failed."""
    parts = told.partition("= FAILURES =")[2].partition("= short test summary")[0]
    found = {}
    for part in parts.split("\n_____")[1:]:
        name, _, text = part.partition("\n")
        found[name.strip("_ ")] = text.strip()
    return found


def test_a_sound_project_passes_with_pytest_alembic_beside_it(
    server: Server, tmp_path: Path
) -> None:
    folder = sound(tmp_path / "shop")
    (folder / "test_migrations.py").write_text(BESIDE)
    code, told, counts = pytest_in(folder, "-v", server=server.url)
    assert (code, counts) == (0, {"passed": 8}), told
    assert "test_migrations_go_up_down_and_up PASSED" in told
    assert "test_up_down_consistency PASSED" in told


@pytest.mark.slow
def test_each_says_what_is_wrong_in_words(server: Server, tmp_path: Path) -> None:
    folder = sound(tmp_path / "shop")
    revise(folder, ADD_INDEX, "op.execute('SELECT 1')")
    (folder / "test_migrations.py").write_text(STANDARD)
    code, told, counts = pytest_in(folder, "-n2", server=server.url)
    assert (code, counts) == (1, {"failed": 3, "passed": 1}), told
    said = failures(told)
    assert "r2: after its downgrade" in said["test_migrations_go_up_down_and_up"]
    assert "accounts_email" in said["test_migrations_make_what_the_models_say"]
    hazard = said["test_migrations_hold_no_hazard_above_the_limit"]
    assert "r2: accounts_email is built on public.accounts" in hazard
    assert "(index-not-concurrent, danger)" in hazard
    assert "Hint: " in hazard
    assert "migrator/" not in told
    assert "Traceback" not in told
    assert len({*(folder / "visits").read_text().split()}) == 2  # two questions, each asked once


@pytest.mark.slow
def test_a_hazard_may_be_accepted_allowed_or_old(server: Server, tmp_path: Path) -> None:
    folder = sound(tmp_path / "shop")
    revise(folder, ADD_INDEX, DROP_INDEX)
    (folder / "test_migrations.py").write_text(STANDARD)
    line = ("-q", "-k", "hazard")

    def counts(*ini: str) -> dict[str, int]:
        (folder / "pytest.ini").write_text("\n".join(("[pytest]", *ini)))
        return pytest_in(folder, *line, server=server.url)[2]

    assert counts("migrator_max_risk = danger") == {"passed": 1, "deselected": 3}

    git = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-C", str(folder)]
    for each in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *each], check=True, capture_output=True)
    assert counts("migrator_since = HEAD") == {"passed": 1, "deselected": 3}

    file = folder / "versions" / "r2.py"
    allowed = "# migrator: allow index-not-concurrent because the table is small\n"
    file.write_text(allowed + file.read_text())
    assert counts() == {"passed": 1, "deselected": 3}
    assert counts("migrator_max_risk = none")["error"] == 1


@pytest.mark.slow
def test_two_heads_are_named_and_the_rest_is_not_looked_at(server: Server, tmp_path: Path) -> None:
    folder = sound(tmp_path / "shop")
    text = (folder / "versions" / "r1.py").read_text()
    for name in ("r2", "r3"):
        told = text.replace('"r1"', f'"{name}"').replace("= None", '= "r1"')
        (folder / "versions" / f"{name}.py").write_text(told)
    (folder / "test_migrations.py").write_text(STANDARD)
    code, told, counts = pytest_in(folder, "-rs", server=server.url)
    assert code == 1, told
    assert counts["failed"] >= 1
    assert "r2" in failures(told)["test_there_is_one_head"]
    assert "r3" in failures(told)["test_there_is_one_head"]
    assert counts.get("passed", 0) == 0
    assert "Traceback" not in told
