"""The verdicts: a folder of small revisions, one for each hazard and for each harmless twin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.revisions import cases, fill, planned, release
from migrator.plan.hazards.advice import INSTEAD
from migrator.plan.hazards.find import idle_allowances

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.revisions import Case
    from tests.support.servers import Database, Server


@pytest.fixture(scope="module")
def target(server: Server) -> Iterator[Database]:
    """Give a database in use; no plan changes it."""
    with server.fresh() as made:
        fill(made.rows)
        yield made


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_each_revision_gets_its_verdict(case: Case, target: Database, tmp_path: Path) -> None:
    found = planned(release(tmp_path / "p", case), target.url)
    codes = sorted(hazard.code for hazard in found.hazards if not hazard.allowed)
    reasons = "\n".join(f"{hazard.level} {hazard.reason}" for hazard in found.hazards)
    assert (found.verdict, codes) == (case.verdict, sorted(case.hazards)), reasons
    assert idle_allowances(found.trace, found.hazards) == ()


def test_each_hazard_is_met_in_the_folder() -> None:
    assert {code for case in cases() for code in case.hazards} == INSTEAD.keys()
