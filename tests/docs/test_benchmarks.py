"""The page of the benchmarks is as its script writes it, and its marks are the figures' own."""

from __future__ import annotations

import re

import pytest

from benchmarks.goals import NOTHING, Goal
from benchmarks.page import HEADINGS, SECTIONS, summary
from tests.docs.markdown import page

PAGE = page("docs/reference/benchmarks.md")


def test_the_page_has_the_headings_that_the_script_writes_in_their_order() -> None:
    written = re.findall(r"^## (.+)$", PAGE.text, re.MULTILINE)
    assert written
    assert written == [heading for heading in HEADINGS if heading in written]
    assert len(HEADINGS) == len(SECTIONS) + 2


@pytest.mark.parametrize(
    ("measured", "under", "met"),
    [(0.2, False, True), (0.204, False, True), (0.21, False, False), (0.2, True, False)],
)
def test_a_goal_is_met_as_far_as_its_figure_shows(measured: float, under: bool, met: bool) -> None:  # noqa: FBT001 - columns of a table
    goal = Goal(NOTHING, "A no-op", 0.2, measured, under=under)
    assert goal.met is met
    assert ("not met" in goal.cell) is not met
    assert ("**no**" in summary([goal])) is not met
