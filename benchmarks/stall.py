"""How long the app is held up while a revision alters a table that a long transaction reads.

The app reads and writes the table all the time. A report of the app keeps its transaction open.
Then a release begins, once by `alembic upgrade head` and once by `migrator run`. What is measured
is the longest that any statement of the app took.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2

from migrator.database.scratch.embedded import embedded

if TYPE_CHECKING:
    from collections.abc import Iterator

REPORT_S = 15.0
LOCK_TIMEOUT_S = 3.0
TREE = Path(__file__).parent.parent / "tests" / "trees" / "alters_table"
ALEMBIC = """
import os
from alembic import command
from alembic.config import Config
config = Config("alembic.ini")
url = os.environ["MIGRATOR_DATABASE_URL"].replace("postgresql:", "postgresql+psycopg2:")
config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
command.upgrade(config, os.environ["TARGET"])
"""
COMMANDS = {
    "alembic upgrade head": [sys.executable, "-c", ALEMBIC],
    "migrator run": [sys.executable, "-m", "migrator", "run", "--log-level", "error"],
}
STATEMENTS = ("SELECT count(*) FROM accounts", "UPDATE accounts SET email = email WHERE id = 1")


@dataclass
class App:
    """An app that goes on with its statements and knows how long each took, in seconds."""

    url: str
    pauses: list[float] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Serve for as long as the block lasts."""
        threads = [threading.Thread(target=self._serve, args=[s]) for s in STATEMENTS]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _serve(self, statement: str) -> None:
        with closing(psycopg2.connect(self.url)) as connection:
            connection.autocommit = True
            while not self._over.wait(0.005):
                began = time.monotonic()
                connection.cursor().execute(statement)
                self.pauses.append(time.monotonic() - began)


def migrate(url: str, name: str, target: str) -> subprocess.Popen[bytes]:
    """Start a release to a target, by one of the commands."""
    environment = {
        "PATH": os.environ["PATH"],
        "MIGRATOR_DATABASE_URL": url,
        "MIGRATOR_DDL_LOCK_TIMEOUT": f"{LOCK_TIMEOUT_S:g}s",
        "MIGRATOR_TARGET": target,
        "TARGET": target,
    }
    return subprocess.Popen(COMMANDS[name], cwd=TREE, env=environment, stdout=subprocess.DEVNULL)


def longest_pause(url: str, name: str) -> float:
    """Give the longest pause of the app, in seconds, while this command migrates."""
    assert migrate(url, "migrator run", "r1").wait() == 0
    with closing(psycopg2.connect(url)) as session, session.cursor() as cursor:
        cursor.execute(
            "INSERT INTO accounts SELECT n, n || '@shop' FROM generate_series(1, 1000) n"
        )
        session.commit()
        app = App(url)
        with app.serving():
            cursor.execute("SELECT count(*) FROM accounts")
            release = migrate(url, name, "head")
            time.sleep(REPORT_S)
            session.rollback()
            assert release.wait(120) == 0
    return max(app.pauses)


def main() -> None:
    """Measure both, print a table, and fail where ours holds the app up longer than it may."""
    measured = {}
    with embedded() as server:
        for number, name in enumerate(COMMANDS):
            with closing(psycopg2.connect(server)) as session, session.cursor() as cursor:
                session.autocommit = True
                cursor.execute(f"CREATE DATABASE stall_{number}")
            measured[name] = longest_pause(server.replace("/postgres?", f"/stall_{number}?"), name)
    theirs, ours = measured.values()
    print("| command | longest pause of the app | of Alembic's |")
    print("| --- | --- | --- |")
    for name, seconds in measured.items():
        print(f"| `{name}` | {seconds:.2f} s | {seconds / theirs:.2f} |")
    allowed = LOCK_TIMEOUT_S * 1.1
    print(f"\nThe report's transaction: {REPORT_S:g} s. Allowed: {allowed:.2f} s, the table-lock")
    print("timeout and a tenth.")
    sys.exit(0 if ours <= allowed else 1)


if __name__ == "__main__":
    main()
