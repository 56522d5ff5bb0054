"""`migrator restore`: a backup becomes a database again, and nothing is lost on the way."""

from __future__ import annotations

import json
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg2
import pytest

from migrator.database.destination import PREFIX
from tests import backups
from tests.backups import files, settings
from tests.buckets import Bucket, Faulty, bucket, buckets
from tests.command import run
from tests.servers import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.command import Ended
    from tests.servers import Server

ROWS = "CREATE TABLE kept (id int PRIMARY KEY, text text); INSERT INTO kept VALUES (1, 'dear')"


@pytest.fixture
def original(server: Server, database: Database) -> Iterator[Database]:
    """Give a database with a row in it, and drop whatever was made of it."""
    database.rows(ROWS)
    yield database
    for name in made_of(database, server):
        Database(server.url).rows(f'DROP DATABASE "{name}" WITH (FORCE)')
    with suppress(psycopg2.errors.DuplicateDatabase):
        Database(server.url).rows(f"CREATE DATABASE {database.name}")


def made_of(database: Database, server: Server) -> list[str]:
    """Give the databases that were made of one, half-made ones included."""
    query = "SELECT datname FROM pg_database WHERE datname LIKE ANY (%s) AND datname <> %s"
    return [
        row[0]
        for row in Database(server.url).rows(
            query, [f"{database.name}%", f"{PREFIX}%"], database.name
        )
    ]


def restored(ended: Ended) -> Any:  # noqa: ANN401 - JSON
    assert ended.exit_code == 0, ended.output
    return json.loads(ended.stdout)


def refused(ended: Ended, code: int, kind: str) -> str:
    """Give the message of a restore that ended with this code."""
    assert ended.exit_code == code, ended.output
    error = json.loads(ended.stdout)["error"]
    assert error["kind"] == kind
    return f"{error['message']} {error['hint']}"


def test_the_newest_is_restored_into_a_database_of_its_own(
    original: Database, server: Server, tmp_path: Path
) -> None:
    place = settings(tmp_path)
    run("run", url=original.url, MIGRATOR_TARGET="r1", **place)
    run("run", url=original.url, **place)
    original.rows("DROP TABLE kept")
    answer = restored(run("restore", "--json", url=original.url, **place))

    [name] = made_of(original, server)
    copy = server.database(name)
    assert answer["database"] == name
    assert name.startswith(f"{original.name}_20")
    assert answer["kept"] is None
    assert answer["current"] == copy.revisions() == ["r1"]
    assert answer["backup"] == f"file://{files(tmp_path)[-2]}"
    assert copy.rows("SELECT text FROM kept") == [("dear",)]
    assert (answer["tables"], answer["rows"]) == (6, answer["rows"])
    assert "kept" not in original.tables()
    assert original.revisions() == ["r3"]
