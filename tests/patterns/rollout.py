"""A rollout: the releases of a page, one after the other, while the app serves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.patterns import shop
from tests.patterns.app import TOUCHED, App, serving
from tests.patterns.commands import Commands, said

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.patterns.kept import Kept
    from tests.patterns.pages import Pattern, Release
    from tests.support.servers import Database


class Rollout:
    """The releases of a page, one after the other, on one database."""

    def __init__(self, page: Pattern, kept: Kept, folder: Path, database: Database) -> None:
        """Look at what is to be kept."""
        self._page, self._kept, self._folder, self._database = page, kept, folder, database
        self._commands = Commands(folder, database)
        self._apps: list[App] = []
        self._at_first = kept.rows(database, 0)

    def go(self) -> None:
        """Go through all releases; then every row is there that an app has inserted."""
        app = self._page.before
        for number, release in enumerate(self._page.releases, 1):
            with serving(self._database, app, self._apps) as old:
                if release.revisions:
                    self._apply(number, release, old)
            with serving(self._database, release.app, self._apps):
                self._fill(number, release)
            app = release.app
        inserted = sum(each.inserted for each in self._apps)
        count = self._kept.count(self._database, len(self._page.releases))
        assert count == len(self._at_first) + TOUCHED + inserted

    def _apply(self, number: int, release: Release, old: App) -> None:
        """Apply it, take it back when the new app has written too, and apply it again."""
        shop.write(self._folder, release.revisions)
        found = said(self._commands.plan())
        assert found == release.said, f"{release.title}: {found}"
        self._beside(old, self._commands.run, number)
        with serving(self._database, release.app, self._apps):
            old.goes_on()
        if release.back:
            self._beside(old, lambda: self._commands.rollback(release.back), number - 1)
            self._beside(old, self._commands.run_again, number)

    def _beside(self, old: App, command: Callable[[], None], at: int) -> None:
        command()
        old.goes_on()
        self._compare(at)

    def _fill(self, number: int, release: Release) -> None:
        """Fill what remains; until then, the release that comes next is refused."""
        if release.fill:
            [following] = self._page.releases[number : number + 1]
            shop.write(self._folder, following.revisions, release.backfills)
            self._commands.is_refused()
            self._commands.backfill(release.fill)
        self._compare(number)
        disagreeing = self._kept.disagreeing(self._database, number)
        assert not disagreeing, f"release {number}: {disagreeing[:3]}"

    def _compare(self, number: int) -> None:
        found = self._kept.rows(self._database, number)
        pairs = zip(self._at_first, found, strict=True)
        lost = next((pair for pair in pairs if pair[0] != pair[1]), None)
        assert lost is None, f"release {number}: {lost}"
