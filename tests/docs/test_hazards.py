"""The page of hazards has a section for each code, and the thresholds of the code."""

from __future__ import annotations

import re

import pytest

from migrator.plan.hazards import size, squawk
from migrator.plan.hazards.advice import INSTEAD
from migrator.plan.hazards.hazard import Hazard
from tests.docs.markdown import ROOT, Page, code, page

HAZARDS = page("docs/reference/hazards.md")


def test_the_hazards_are_those_of_the_code_in_their_order() -> None:
    assert re.findall(r"^### (.+)$", HAZARDS.prose, re.MULTILINE) == list(INSTEAD)


@pytest.mark.parametrize("name", INSTEAD)
def test_the_page_of_a_hazard_is_there(name: str) -> None:
    hazard = Hazard(name, "danger", "r1", None, None, "It does.", INSTEAD[name])
    path, _, anchor = hazard.page.partition("#")
    assert anchor in Page(ROOT / path).anchors


def test_the_thresholds_are_those_of_the_code() -> None:
    rows = HAZARDS.table("rows", "size", "a full scan or rewrite is")
    told = [(row, size_, *code(verdict)) for row, size_, verdict in rows]
    assert told == [
        (f"below {size.SMALL.rows:,}", "and below 10 MB"),
        (f"from {size.SMALL.rows:,}", "or from 10 MB", "caution"),
        (f"from {size.LARGE.rows:,}", "or from 1 GB", "danger"),
    ]
    assert (size.SMALL.size_bytes, size.LARGE.size_bytes) == (10 * 1000**2, 1000**3)


def test_the_rules_of_squawk_are_those_of_the_code() -> None:
    said = HAZARDS.table("squawk's rule", "our hazard")
    assert {code(rule)[0]: ours.partition("](")[0][1:] for rule, ours in said} == squawk.SAID_BY_US
    assert set(squawk.SAID_BY_US.values()) <= INSTEAD.keys()
    left_out = HAZARDS.table("squawk's rule", "why it is left out")
    assert {code(rule)[0]: why for rule, why in left_out} == squawk.LEFT_OUT
    found = Hazard("transaction-nesting", "caution", "r1", 1, None, "", "", found_by="squawk")
    assert found.page.partition("#")[2] in HAZARDS.anchors
