"""An app in production: what a page says that it sends, sent again and again beside a release."""

from __future__ import annotations

import itertools
import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.servers import Database

TOUCHED = 1000
"""Rows up to this id are changed by an app; those above it by nobody but a release."""
WAITS_S = 10
"""The longest a statement may take: ten times what a release's statement queues for a lock."""
_SHARED = 50
"""So many rows all apps change: old and new code meet in them."""
_PARAMETER = re.compile(r"(?<!:):(\w+)")
_numbers = itertools.count(1_000_000)


class App:
    """An instance of an app. Each round of its statements is a transaction."""

    def __init__(self, database: Database, statements: tuple[str, ...]) -> None:
        """Know what to send; every statement is prepared, as drivers do."""
        self.rounds = 0
        self.failed: str | None = None
        self._inserts = any(each.startswith("INSERT") for each in statements)
        self._url = database.url
        self._statements = [_PARAMETER.sub(r"%(\1)s", each) for each in statements]
        self._names = {name for each in statements for name in _PARAMETER.findall(each)}
        self._over, self._served = threading.Event(), threading.Condition()
        self._thread = threading.Thread(target=self._serve)

    @property
    def inserted(self) -> int:
        """How many rows it has inserted into the table that its first INSERT names."""
        return self.rounds if self._inserts else 0

    def _serve(self) -> None:
        options = f"-c statement_timeout={WAITS_S}s"
        with psycopg.connect(self._url, options=options, prepare_threshold=0) as connection:
            while not self._over.wait(0.005):
                there = str(self.rounds % _SHARED + 1)
                for statement in self._statements:
                    try:
                        connection.execute(statement, self._values(there))
                    except psycopg.Error as error:
                        self._tell(f"{statement}: {error}")
                        return
                connection.commit()
                self._tell()

    def _tell(self, failed: str | None = None) -> None:
        with self._served:
            self.failed = failed
            self.rounds += failed is None
            self._served.notify_all()

    def _values(self, there: str) -> dict[str, str]:
        """Give for `:id` a row that is there, for every other name what was never given before."""
        number = str(next(_numbers))
        return {name: there if name == "id" else number for name in self._names}

    def goes_on(self, rounds: int = 5) -> None:
        """Wait until it has served some more rounds; fails where one of them failed."""
        until = self.rounds + rounds
        with self._served:
            told = self._served.wait_for(lambda: self.failed or self.rounds >= until, 4 * WAITS_S)
        assert told, "it serves no more"
        assert self.failed is None, self.failed

    def start(self) -> None:
        """Start it."""
        self._thread.start()

    def stop(self) -> None:
        """Let it finish its round."""
        self._over.set()
        self._thread.join()


@contextmanager
def serving(database: Database, statements: tuple[str, ...], started: list[App]) -> Iterator[App]:
    """Let an app of these statements serve for as long as the block lasts, and remember it."""
    app = App(database, statements)
    started.append(app)
    app.start()
    try:
        app.goes_on()
        yield app
        app.goes_on()
    finally:
        app.stop()
