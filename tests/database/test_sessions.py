"""Who is in the way is said in one sentence, wherever it is said."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import psycopg2
import pytest

from migrator.database.sessions import Session, connected

if TYPE_CHECKING:
    from tests.support.servers import Database


@pytest.mark.parametrize(
    ("session", "sentence"),
    [
        (Session(12), "a session (pid 12)"),
        (
            Session(12, "shop", "report", "10.0.0.7", transaction_s=2.6),
            "report (pid 12, role shop, from 10.0.0.7), in its transaction for 3 s",
        ),
        (
            Session(
                12, "shop", "", state="active", transaction_s=9.0, query_s=1.0, query="TABLE a"
            ),
            "a session (pid 12, role shop, active), in its transaction for 9 s: TABLE a",
        ),
        (
            Session(12, query_s=1.0, query="TABLE a"),
            "a session (pid 12), in its statement for 1 s: TABLE a",
        ),
    ],
)
def test_a_session_is_described_by_what_is_known_of_it(session: Session, sentence: str) -> None:
    assert str(session) == sentence


def test_sessions_of_a_database_do_not_include_our_own(database: Database) -> None:
    with (
        closing(psycopg2.connect(database.url, application_name="ours")) as ours,
        closing(psycopg2.connect(database.url, application_name="ours")),
        closing(psycopg2.connect(database.url, application_name="the shop")) as shop,
    ):
        shop.cursor().execute("SELECT 'a secret'")
        [other] = connected(ours, database.name, "ours")
        pid = shop.info.backend_pid

    assert (other.pid, other.application_name) == (pid, "the shop")
    assert (other.state, other.query) == ("idle in transaction", None)
    assert "/" not in (other.client or "")
