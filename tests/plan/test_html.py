"""The page: one file that asks nothing of anybody, and in which all text stays text."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
import zipfile
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from migrator.plan.render.html import html
from tests.plan.forecasts import EVIL, FAILED, HARMLESS, HOSTILE, NOTHING, RELEASE, WITH_DATA

if TYPE_CHECKING:
    from migrator.plan.forecast import Forecast

ALL = [RELEASE, WITH_DATA, FAILED, NOTHING, HARMLESS, HOSTILE]
_VOID = {"meta", "link"}


class Reader(HTMLParser):
    """Reads a page as a browser does: its elements, and the text that a person sees."""

    def __init__(self, page: str) -> None:
        """Read it."""
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take down an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """See that each is closed in its turn."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Take down text."""
        self.texts.append(data)

    @property
    def text(self) -> str:
        """All the text."""
        return " ".join(" ".join(self.texts).split())

    def classed(self, *names: str) -> list[str]:
        """Give the classes of the elements that have all of these."""
        found = [(attrs.get("class") or "").split() for _, attrs in self.elements]
        return [" ".join(each) for each in found if set(names) <= set(each)]


@pytest.mark.parametrize("forecast", ALL)
def test_it_asks_nothing_of_anybody_and_runs_nothing(forecast: Forecast) -> None:
    read = Reader(html(forecast))
    assert read.open == []
    tags = {tag for tag, _ in read.elements}
    assert not tags & {"script", "img", "iframe", "object", "embed", "form", "base", "svg"}
    for tag, attributes in read.elements:
        assert not {name for name in attributes if name.startswith("on")} | {
            *attributes.keys() & {"src", "style", "action", "srcset"}
        }, tag
        href = attributes.get("href") or "#"
        assert href.startswith("#") or href == "data:,"


@pytest.mark.parametrize("forecast", ALL)
def test_its_policy_allows_its_own_style_sheet_and_nothing_else(forecast: Forecast) -> None:
    page = html(forecast)
    style = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert len(style) == 1
    digest = base64.b64encode(hashlib.sha256(style[0].encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'"
    assert f'content="{policy}"' in page
    assert not re.search(r"url\(|@import|https?:", style[0])


def test_sql_with_markup_in_it_is_shown_and_not_obeyed() -> None:
    read = Reader(html(HOSTILE))
    seen = EVIL.replace("\033", "")
    assert read.text.count(seen) > 10
    assert EVIL not in html(HOSTILE)
    assert "\033" not in html(HOSTILE)


def test_a_bar_runs_from_its_statement_to_the_end_of_its_transaction() -> None:
    page = html(RELEASE)
    bars = Reader(page).classed("bar")
    assert bars == [
        *("bar all at-1-4", "bar nothing at-5-5", "bar all at-3-4", "bar all at-7-7"),
        *("bar writes at-4-4", "bar writes at-6-6"),
    ]
    assert ".at-1-4 { grid-column: 1 / 5; }" in page
    for placed in re.findall(r'class="[^"]*\b(at-\d+-\d+|from-\d+|to-\d+)', page):
        assert f".{placed} {{ grid-column" in page


def test_mode_duration_and_who_is_stopped_stand_beside_a_bar_as_text() -> None:
    text = Reader(html(RELEASE)).text
    assert "AccessExclusive, stops reads and writes , statements 1 to 4, 231 ms" in text
    assert "Share, stops writes , statement 6, 33 ms" in text


def test_columns_are_as_wide_as_a_statement_took_where_that_is_known() -> None:
    assert ".track { grid-template-columns: minmax(4px, 1.000fr) minmax(4px, 1.000fr)" in html(
        RELEASE
    )
    widths = re.findall(r"minmax\(4px, ([\d.]+)fr\)", html(WITH_DATA))
    assert len(widths) == 7
    assert max(widths, key=float) == widths[1] != min(widths, key=float)


def test_each_hazard_leads_to_its_statement_and_each_statement_unfolds() -> None:
    read = Reader(html(RELEASE))
    links = {attrs["href"] for tag, attrs in read.elements if tag == "a"}
    unfolding = {
        f"#{attrs['id']}" for tag, attrs in read.elements if tag == "details" and "id" in attrs
    }
    assert unfolding == {f"#statement-{n}" for n in range(1, 8)}
    assert links <= unfolding
    assert "FOREIGN KEY (customer_id) REFERENCES customers (id)" in read.text


def test_verdict_failure_and_limit_stand_at_the_top() -> None:
    text = Reader(html(FAILED, limit="caution")).text
    head = text[: text.index("Hazards")]
    assert "danger The rehearsal failed in revision ship_faster." in head
    assert 'column "courier_id" does not exist' in head
    assert "Hint: Perhaps it is meant to be courier." in head
    assert "MIGRATOR_MAX_RISK is caution" in head
    assert "the times say nothing about your data" in head


def test_nothing_pending_is_a_page_with_a_sentence() -> None:
    read = Reader(html(NOTHING))
    assert read.text.endswith("safe Nothing is pending: the database is at r3.")


def test_many_statements_have_no_numbers_above_the_chart() -> None:
    one = RELEASE.trace.statements[0]
    many = tuple(replace(one, number=n) for n in range(1, 100))
    page = html(replace(RELEASE, trace=replace(RELEASE.trace, statements=many)))
    assert Reader(page).classed("tick") == []


def test_the_wheel_has_what_the_page_is_made_of(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=root, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {"migrator/plan/render/page.html", "migrator/plan/render/page.css"} <= {*names}
