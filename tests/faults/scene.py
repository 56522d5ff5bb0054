"""A run of the tree `held`, brought to one step and kept there, and what it left in the end."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psycopg2

from migrator.database.lock.guard import fenced
from migrator.database.lock.lock import keys_for
from migrator.database.version_table import VersionTable
from tests.support.command import Process, eventually, run, start
from tests.support.servers import Database, Proxy, as_role

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Ended
    from tests.support.servers import OwnServer

ROLE = "release"
KEY = keys_for([VersionTable(None, "alembic_version")])[0]
IN_STATEMENT = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND state = 'active' AND query LIKE %s AND usename = 'release'"
)
WAITS_FOR_VERSION_TABLE = (
    "SELECT count(*) FROM pg_locks WHERE relation = 'alembic_version'::regclass AND NOT granted"
)

ALL = 10_000
_NOTED = (
    "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('accounts') AND attname = 'note'"
    " AND NOT attisdropped"
)
_INDEX = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('accounts_email')"


class Scene:
    """Knows the run, its network, and whoever else is in the database."""

    def __init__(self, server: OwnServer, database: Database, home: Path) -> None:
        """Give the database to a role of the release, who reaches it through a proxy."""
        self.server, self.database = server, database
        self.ours = Database(as_role(database, ROLE, ROLE))
        self.proxy, self._file = Proxy(server), home / "let_go"
        self.other: Any = None
        database.rows(f"ALTER DATABASE {database.name} OWNER TO {ROLE}")
        database.rows("CREATE TABLE let_go (done bool) TABLESPACE pg_default")
        database.rows(f"GRANT SELECT ON let_go TO {ROLE}")

    def reach(self, phase: str) -> None:
        """Start a run and bring it to this step."""
        getattr(self, f"_before_{phase}", lambda: None)()
        self.run = self._start(phase)
        getattr(self, f"_until_{phase}")()

    def let_go(self) -> None:
        """Take away whatever keeps the run where it is."""
        self.database.rows("INSERT INTO let_go VALUES (true)")
        self.database.rows(f"ALTER ROLE {ROLE} CONNECTION LIMIT -1")
        self._file.touch()
        self.leave()

    def leave(self) -> None:
        """End the session that is not the run's, where there is one still."""
        with suppress(psycopg2.Error):
            if self.other is not None:
                self.other.close()

    def close(self) -> None:
        """End everything."""
        self.run.kill(signal.SIGKILL)
        self.leave()
        self.proxy.close()
        self.database.rows(f"ALTER ROLE {ROLE} CONNECTION LIMIT -1")

    def again(self) -> Ended:
        """Run once more, plainly."""
        return run("run", tree="held", url=self.ours.url)

    def _start(self, phase: str) -> Process:
        hold = {"HOLD": phase, "HOLD_UNTIL": str(self._file)}
        wait = "12s" if phase == "connecting" else "60s"
        url = self.proxy.url(self.ours)
        return start("run", "--connect-timeout", wait, tree="held", url=url, **hold)

    def _before_connecting(self) -> None:
        self.database.rows(f"ALTER ROLE {ROLE} CONNECTION LIMIT 0")
        self._lock_it()

    def _until_connecting(self) -> None:
        self.run.until("database.waiting")

    def _before_waiting(self) -> None:
        self._lock_it()

    def _until_waiting(self) -> None:
        self.run.until("lock.waiting")

    def _until_preflight(self) -> None:
        self._until_statement("%FROM let_go%")

    def _until_first(self) -> None:
        self._until_statement("%FROM let_go%")

    def _until_between(self) -> None:
        for _ in ("r1", "r2"):
            self.run.until("revision.started")
        time.sleep(0.2)

    def _before_index(self) -> None:
        assert run("run", "--target", "r2", tree="held", url=self.ours.url).exit_code == 0
        self._other("UPDATE accounts SET note = 'now' WHERE id = 1")

    def _until_index(self) -> None:
        self._until_statement("CREATE INDEX CONCURRENTLY%")

    def _until_proof(self) -> None:
        eventually(lambda: self.database.revisions() == ["r4"])
        self._other("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        self._file.touch()
        eventually(lambda: self.database.rows(WAITS_FOR_VERSION_TABLE) == [(1,)])

    def _until_statement(self, pattern: str) -> None:
        eventually(lambda: self.database.rows(IN_STATEMENT, pattern) == [(1,)])

    def _lock_it(self) -> None:
        self._other(f"SELECT pg_advisory_xact_lock({KEY})")

    def _other(self, statement: str) -> None:
        self.other = psycopg2.connect(self.database.url)
        self.other.cursor().execute(statement)


def lock_is_free(database: Database) -> bool:
    """Tell whether a run could begin: neither the lock nor the fence is held."""
    keys = f"pg_try_advisory_xact_lock({KEY}), pg_try_advisory_xact_lock({fenced(KEY)})"
    return database.rows(f"SELECT {keys}") == [(True, True)]


def standing(database: Database) -> dict[str, str]:
    """Give for each revision whether what it does is `there`, `absent`, or in between."""
    tables = database.tables()
    rows = {
        table: database.rows(f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608
        for table in ("accounts", "orders", "invoices")
        if table in tables
    }
    noted = bool(database.rows(_NOTED))
    no_orders = "orders" not in tables
    index = [valid for (valid,) in database.rows(_INDEX)]
    return {
        "r1": _told([rows.get("accounts") == ALL], absent="accounts" not in tables),
        "r2": _told([rows.get("orders") == ALL, noted], absent=no_orders and not noted),
        "r3": "there" if index == [True] else "broken" if index else "absent",
        "r4": _told([rows.get("invoices") == ALL], absent="invoices" not in tables),
    }


def _told(parts: list[bool], *, absent: bool) -> str:
    return "there" if all(parts) else "absent" if absent else "half there"
