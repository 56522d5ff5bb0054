"""The comment for a pull request: what is said, and that nothing in it breaks out of its place."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from migrator.plan.render.markdown import LONGEST, MARKER, escaped, fenced, markdown
from tests.plan.forecasts import EVIL, FAILED, HOSTILE, NOTHING, RELEASE

if TYPE_CHECKING:
    from migrator.plan.forecast import Forecast

_FENCE = re.compile(r"^ *(`{3,})(\w+)\n(.*?)\n *\1$", re.MULTILINE | re.DOTALL)


def outside_of_fences(told: str) -> str:
    return _FENCE.sub("", told)


@pytest.mark.parametrize("forecast", [RELEASE, FAILED, NOTHING, HOSTILE])
def test_it_begins_with_the_marker_by_which_a_pipeline_finds_it(forecast: Forecast) -> None:
    told = markdown(forecast)
    assert told.startswith(f"{MARKER}\n### ")
    assert told.count(MARKER) == 1


def test_the_verdict_comes_first_then_hazards_locks_and_statements() -> None:
    told = markdown(RELEASE)
    places = [
        told.index(part)
        for part in ("migrator plan: danger", "#### Hazards", "#### Locks", "<code>drop&#95;carts")
        if part in told
    ]
    assert len(places) >= 3
    assert places == sorted(places)


def test_a_hazard_is_a_point_with_the_safer_way_folded_under_it() -> None:
    told = markdown(RELEASE)
    point = told[told.index("- 🟡 **caution: Nobody can write") :].partition("\n- ")[0]
    assert "  Instead: Build it concurrently" in point
    assert "  <details><summary>The safer way</summary>\n\n  ```python\n  with op" in point
    assert "⚪ **allowed: The version that is still running" in told
    assert "Accepted because nobody has written to it since March" in told


def test_the_table_of_locks_has_a_row_for_each_lock_and_as_many_cells_in_each() -> None:
    rows = [line for line in markdown(RELEASE).splitlines() if line.startswith("|")]
    assert len(rows) == 2 + 6
    assert {row.count("|") for row in rows} == {6}
    assert "**reads and writes**" in rows[2]


def test_what_failed_is_said_in_the_servers_words() -> None:
    told = markdown(FAILED)
    assert "**The rehearsal failed in revision ship_faster.**" in told
    assert '```text\nRevision ship_faster failed: column "courier_id" does not exist\n' in told


def test_nothing_pending_is_a_heading_and_a_sentence() -> None:
    assert len(markdown(NOTHING).splitlines()) == 4


def test_a_verdict_above_the_limit_is_called_so() -> None:
    assert "MIGRATOR_MAX&#95;RISK" not in markdown(RELEASE, limit="safe")
    assert "**This is above the limit: MIGRATOR_MAX_RISK is safe.**" in markdown(
        RELEASE, limit="safe"
    )


def test_what_others_wrote_stays_text_in_every_place() -> None:
    told = markdown(HOSTILE)
    rows = [line for line in told.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {6}
    outside = outside_of_fences(told).replace(MARKER, "")
    tags = set(re.findall(r"</?[^>]+>", outside))
    assert tags <= {
        *("<code>", "</code>", "<details>", "</details>", "<summary>", "</summary>"),
        *("<sub>", "</sub>"),
    }
    assert not {"`", "@", "\033"} & set(outside)
    assert outside.count("<details>") == outside.count("</details>")


def test_an_escaped_text_is_read_as_it_was_written() -> None:
    text = "a|b `c` <d> & *e* _f_ snake_case [g](h) \\ ~~i~~ #7 @team $x$"
    assert html.unescape(escaped(text)) == text
    assert "snake_case" in escaped(text)
    assert not set("|`<>*[]\\~@$") & set(escaped(text))
    assert escaped("two\nlines") == "two lines"


def test_a_fence_is_longer_than_any_in_the_code() -> None:
    assert fenced("````\n", "sql") == "`````sql\n````\n`````"
    assert EVIL.replace("\033", "") in fenced(EVIL, "sql")


def test_a_comment_is_never_longer_than_a_host_takes() -> None:
    one = RELEASE.trace.statements[0]
    many = tuple(replace(one, number=n, sql=one.sql * 20, locks=()) for n in range(1, 200))
    told = markdown(replace(RELEASE, trace=replace(RELEASE.trace, statements=many), hazards=()))
    assert len(told) < LONGEST + 200
    assert told.endswith("because it is too long for a comment._")
    assert "migrator plan: safe" in told
