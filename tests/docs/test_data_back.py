"""The page "I need my data back", followed word for word on a database that was destroyed."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from tests.docs.markdown import page
from tests.support import backups
from tests.support.command import run
from tests.support.servers import Database, own_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

PAGE = page("docs/runbook/data-back.md")
DATA = """
CREATE TABLE letters (id int PRIMARY KEY, what text NOT NULL);
CREATE INDEX letters_what ON letters (what);
INSERT INTO letters SELECT i, md5(i::text) FROM generate_series(1, 5000) AS i;
"""
SUM = "SELECT count(*), md5(string_agg(id || what, ',' ORDER BY id)) FROM letters"
LOST = ("DROP SCHEMA public CASCADE; CREATE SCHEMA public", "DROP DATABASE shop WITH (FORCE)")


@pytest.fixture
def shop() -> Iterator[Database]:
    """Give a database called as on the page, on a server of its own."""
    with own_server() as server:
        Database(server.url).rows("CREATE DATABASE shop")
        yield server.database("shop")


def commands() -> list[str]:
    """Give the command lines of the page, in their order."""
    blocks = [block.text for block in PAGE.blocks if block.language == "console"]
    return "".join(blocks).splitlines()


@pytest.mark.parametrize("lost", LOST)
def test_everything_is_there_again(lost: str, shop: Database, tmp_path: Path) -> None:
    place = backups.settings(tmp_path, PATH=backups.path(backups.EMBEDDED))
    assert run("run", "--target", "r1", url=shop.url).exit_code == 0
    shop.rows(DATA)
    [before] = shop.rows(SUM)
    assert run("run", url=shop.url, **place).exit_code == 0

    gone = "DATABASE" in lost
    maintenance = Database(shop.url.replace("/shop", "/postgres"))
    (maintenance if gone else shop).rows(lost)
    ours = "SELECT datname FROM pg_database WHERE datname LIKE 'shop%%' ORDER BY 1"
    for line in commands():
        if ("--over" if gone else "--into") in line:
            continue  # the page says which of the two it is
        ended = run(*shlex.split(line)[1:], url=shop.url, **place)
        assert ended.exit_code == 0, f"{line}: {ended.output}"
        if line == "migrator restore":
            [copy] = [n for (n,) in maintenance.rows(ours) if n.startswith("shop_20")]
            assert copy in ended.stdout
            assert Database(shop.url.replace("/shop", f"/{copy}")).rows(SUM) == [before]
        elif line.startswith("migrator restore"):
            assert shop.rows(SUM) == [before]
            assert shop.revisions() == ["r1"]

    assert shop.rows(SUM) == [before]
    assert shop.revisions() == ["r3"]
    kept = [name for (name,) in maintenance.rows(ours) if name.startswith("shop_before_")]
    assert len(kept) == (0 if gone else 1)
