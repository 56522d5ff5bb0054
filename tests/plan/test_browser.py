"""The page in a real browser: light and dark, wide and narrow, and out to break things."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from migrator.plan.render.html import html
from tests.plan.forecasts import EVIL, HOSTILE, RELEASE
from tests.plan.test_html import Reader
from tests.support import browser

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from migrator.plan.forecast import Forecast

pytestmark = pytest.mark.slow

CHART = replace(RELEASE, hazards=())
"""Its chart stands at the top of the page."""
_CSS = files("migrator.plan.render").joinpath("page.css").read_text("utf-8")


def colours(scheme: str) -> dict[str, browser.Colour]:
    """Give the colours of the style sheet by their names."""
    part = _CSS.split("@media")[scheme == "dark"]
    return {
        name: (int(value[:2], 16), int(value[2:4], 16), int(value[4:], 16))
        for name, value in re.findall(r"--(\w+): #([0-9a-f]{6})", part)
    }


@pytest.fixture(autouse=True)
def _there_is_one() -> None:
    browser.program()


def written(folder: Path, forecast: Forecast) -> str:
    """Write the page; gives its address."""
    file = folder / "plan.html"
    file.write_text(html(forecast), encoding="utf-8")
    return file.as_uri()


def test_the_browser_finds_a_row_for_each_table_and_a_bar_for_each_lock(tmp_path: Path) -> None:
    read = Reader(browser.dom(written(tmp_path, RELEASE)))
    assert len(read.classed("row")) == 5
    assert len(read.classed("bar")) == 6
    assert len(read.classed("hazard")) == 4


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_bars_are_seen_in_either_scheme_as_long_as_their_locks(
    scheme: str, tmp_path: Path
) -> None:
    seen = browser.screenshot(written(tmp_path, CHART), 800, 620, scheme)
    known = colours(scheme)
    assert seen.at(0, 0) == known["ground"]
    assert len(seen.colours) > 100
    track = 800 - 2 * 20 - 13 * 16
    assert 4 / 7 * track * 0.9 < seen.longest(known["all"]) < 4 / 7 * track * 1.02
    assert 1 / 7 * track * 0.8 < seen.longest(known["writes"]) < 1 / 7 * track * 1.02


def test_on_a_narrow_screen_nothing_sticks_out(tmp_path: Path) -> None:
    seen = browser.screenshot(written(tmp_path, RELEASE), 400, 2600)
    ground = colours("light")["ground"]
    assert (seen.width, seen.column(0), seen.column(395)) == (400, {ground}, {ground})
    assert seen.longest(colours("light")["all"]) > 150


def test_sql_that_is_out_to_break_the_page_is_text_to_a_browser(tmp_path: Path) -> None:
    read = Reader(browser.dom(written(tmp_path, HOSTILE)))
    assert not {"img", "script"} & {tag for tag, _ in read.elements}
    assert read.text.count(EVIL.replace("\033", "")) > 10
    assert len([tag for tag, _ in read.elements if tag == "style"]) == 1


def test_the_page_asks_nothing_of_anybody() -> None:
    with served(html(RELEASE)) as (address, asked):
        assert "Hazards" in browser.dom(address)
    assert asked == ["/plan.html"]


@contextmanager
def served(page: str) -> Iterator[tuple[str, list[str]]]:
    """Serve a page; gives its address, and what was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/plan.html", asked
        server.shutdown()
