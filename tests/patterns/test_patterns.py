"""The patterns: the code of each page, applied, taken back and applied again beside an app."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.docs.markdown import Page
from tests.patterns import shop
from tests.patterns.advice import advised, done
from tests.patterns.commands import Commands, said
from tests.patterns.kept import KEPT
from tests.patterns.pages import FOLDER, pattern, patterns
from tests.patterns.rollout import Rollout
from tests.support.backups import path as programs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.servers import Database, Server

CONVERTED = {"enum-replace", "json-to-jsonb"}
"""Pages whose trigger translates the values: that, nobody can advise."""


@pytest.fixture(autouse=True)
def _programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the server's own pg_dump on the PATH."""
    monkeypatch.setenv("PATH", programs())


@pytest.fixture(scope="module")
def template(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Give the shop of the pages, with 20,000 rows in each table."""
    with server.fresh() as made:
        shop.fill(shop.checkout(tmp_path_factory.mktemp("shop") / "p"), made)
        yield made


@pytest.mark.slow
@pytest.mark.parametrize("page", patterns(), ids=lambda page: page.stem)
def test_each_release_goes_up_and_down_and_up_beside_the_app_and_loses_nothing(
    page: Path, template: Database, server: Server, tmp_path: Path
) -> None:
    read, folder = pattern(page), shop.checkout(tmp_path / "p")
    with server.fresh(template=template.name) as database:
        Rollout(read, KEPT[read.name], folder, database).go()


@pytest.mark.slow
@pytest.mark.parametrize("page", patterns(), ids=lambda page: page.stem)
def test_the_usual_way_has_the_hazards_of_the_page_which_does_what_the_plan_advises(
    page: Path, template: Database, tmp_path: Path
) -> None:
    read, folder = pattern(page), shop.checkout(tmp_path / "p")
    shop.write(folder, read.usual)
    plan = Commands(folder, template).plan()
    assert said(plan) == read.usual_said
    if read.name not in CONVERTED:
        assert advised(plan.hazards) <= done(read)


def test_the_index_has_every_page_and_the_number_of_its_releases() -> None:
    rows = Page(FOLDER / "README.md").table("you want to", "page", "releases")
    listed = {page: int(releases.partition(";")[0]) for _, page, releases in rows}
    titles = {path: Page(path).text.partition("\n")[0].removeprefix("# ") for path in patterns()}
    assert listed == {
        f"[{titles[path]}]({path.name})": len(pattern(path).releases) for path in patterns()
    }
