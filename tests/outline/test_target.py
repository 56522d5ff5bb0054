"""An engine surely reaches the target where SQLAlchemy reads its URL as libpq reads the address."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from migrator.outline import installed, target
from migrator.outline.doubt import DoubtError
from migrator.settings.address import Address, parse, with_application_name

PLAIN = "postgresql://shop:secret@db.internal:5432/orders"
NEW = sqlalchemy.__version__ >= "2"


def reaches(
    url: str, address: Address | None = None, *, asynchronous: bool = False, **environ: str
) -> bool:
    """Tell whether a URL surely reaches the address, or the one that is in the URL."""
    address = address or with_application_name(parse(url, "DATABASE_URL"), "migrator 1")
    try:
        target.check(url, address, environ, asynchronous=asynchronous)
    except DoubtError:
        return False
    return True


def sqlalchemys(url: str) -> dict[str, Any]:
    """Give what SQLAlchemy would tell the driver."""
    read = make_url(url)
    _, told = read.get_dialect()().create_connect_args(read)
    told = {("dbname" if k == "database" else k): str(v) for k, v in told.items()}
    return {k: v for k, v in told.items() if k != "application_name"}


TEXT = st.text(st.sampled_from("ab1.~_-%/@: ?&=+#é[]\\"), max_size=5)


@given(
    st.dictionaries(st.sampled_from(["user", "password", "host", "port", "dbname"]), TEXT),
    st.dictionaries(st.sampled_from(["sslmode", "options", "service", "hostaddr"]), TEXT),
    st.sampled_from(["/run/pg", "db.internal", "::1", "a,b", ""]),
    st.sampled_from(["", "5432", "1,2"]),
)
def test_where_a_url_of_ours_is_known_sqlalchemy_reads_the_address_in_it(
    parts: dict[str, str], more: dict[str, str], host: str, port: str
) -> None:
    parameters = {**parts, **more, "host": host, "port": port}
    address = Address({k: v for k, v in parameters.items() if v}, "MIGRATOR_DATABASE_URL")
    url = address.url("psycopg2")
    if reaches(url, address):
        assert sqlalchemys(url) == dict(address.parameters)


@given(
    st.sampled_from(["postgresql", "postgresql+psycopg2", "postgres"]),
    st.sampled_from(["", "shop@", "shop:secret@", "shop:p%40ss@", "shop:p@ss@", ":x@", "%"]),
    st.sampled_from(["", "h", "h:1", "h:", "a,b", "[::1]", "%2Frun%2Fpg", "h_1", "a:1,b:2"]),
    st.sampled_from(["", "/", "/d", "/d%41", "/d/e", "/d "]),
    st.lists(
        st.sampled_from(
            [
                *("sslmode=require", "sslmode=disable", "host=/run/pg", "host=h", "host=/a,/b"),
                *("port=1", "application_name=x", "options=-c%20a%3Db", "options=-c+a", "#"),
                *("connect_timeout=3", "dbname=e", "user=other", "sslmode="),
            ]
        ),
        max_size=3,
    ),
)
def test_where_a_url_as_it_is_written_is_known_sqlalchemy_reads_it_as_libpq_does(
    scheme: str, login: str, place: str, name: str, query: list[str]
) -> None:
    url = f"{scheme}://{login}{place}{name}{'?' if query else ''}{'&'.join(query)}"
    try:
        address = parse(url, "DATABASE_URL")
    except ValueError:
        return
    if "+psycopg2" in url and reaches(url, address):
        expected = {k: v for k, v in address.parameters.items() if k != "application_name"}
        assert sqlalchemys(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg2://shop:secret@db.internal:5432/orders",
        "postgresql+psycopg2://shop@db.internal/orders?sslmode=require",
        "postgresql+psycopg2:///orders?host=/run/pg",
        "postgresql+psycopg2://shop:p%40ss%25@db.internal/orders?options=-c%20search_path%3Dshop",
    ],
)
def test_a_plain_url_is_known(url: str) -> None:
    assert reaches(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgres://shop:secret@db.internal:5432/orders",
        "postgresql+psycopg2://shop:secret@db.internal:5432/other",
        "postgresql+psycopg2://shop:other@db.internal:5432/orders",
        "postgresql+psycopg2://shop@db.internal:5432/orders",
        "postgresql+psycopg2://shop:secret@db.internal/orders",
        "postgresql+psycopg2://shop:secret@db.internal:5432/orders?sslmode=require",
        "postgresql+pg8000://shop:secret@db.internal:5432/orders",
        "sqlite://",
        "",
    ],
)
def test_another_url_than_the_targets_is_not_known(url: str) -> None:
    assert not reaches(url, parse(PLAIN, "MIGRATOR_DATABASE_URL"))


def test_an_address_with_parameters_of_a_driver_is_not_known() -> None:
    address = parse("postgresql+psycopg2://h/d?prepare_threshold=0", "MIGRATOR_DATABASE_URL")
    assert not reaches("postgresql+psycopg2://h/d", address)


@pytest.mark.skipif(not NEW, reason="a driver of SQLAlchemy 2")
@pytest.mark.parametrize(
    ("driver", "asynchronous", "known"),
    [
        ("psycopg2", False, True),
        ("psycopg2", True, False),
        ("psycopg", False, True),
        ("psycopg", True, True),
        ("asyncpg", False, False),
        ("asyncpg", True, True),
    ],
)
def test_a_driver_is_used_in_its_own_way(driver: str, *, asynchronous: bool, known: bool) -> None:
    url = PLAIN.replace("postgresql", f"postgresql+{driver}")
    assert reaches(url, asynchronous=asynchronous) == known


@pytest.mark.skipif(NEW, reason="SQLAlchemy 1.4")
@pytest.mark.parametrize("driver", ["psycopg", "asyncpg"])
def test_drivers_of_later_versions_are_not_known(driver: str) -> None:
    for asynchronous in (True, False):
        url = PLAIN.replace("postgresql", f"postgresql+{driver}")
        assert not reaches(url, asynchronous=asynchronous)


def test_a_bare_url_is_known_where_its_driver_is() -> None:
    assert reaches(PLAIN)


@pytest.mark.parametrize(
    ("driver", "missing", "asynchronous"),
    [
        *(("psycopg", "psycopg", False), ("psycopg", "psycopg_binary", False)),
        *(("psycopg", "greenlet", True), ("asyncpg", "greenlet", True), ("asyncpg",) * 2 + (True,)),
    ],
)
def test_a_driver_that_is_not_whole_is_not_known(
    driver: str,
    missing: str,
    *,
    asynchronous: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(installed, "has", lambda name: name != missing)
    url = PLAIN.replace("postgresql", f"postgresql+{driver}")
    assert not reaches(url, asynchronous=asynchronous)


@pytest.mark.skipif(not NEW, reason="asyncpg is known from SQLAlchemy 2 on")
@pytest.mark.parametrize(
    ("query", "environ", "known"),
    [
        ("", {}, True),
        ("", {"PGAPPNAME": "x"}, True),
        ("", {"PGOPTIONS": "-c search_path=x"}, False),
        ("", {"PGHOST": "other"}, False),
        ("?sslmode=require", {}, True),
        ("?sslmode=verify-full", {}, False),
        ("?connect_timeout=3", {}, True),
        ("?options=-csearch_path%3Dx", {}, False),
        ("?target_session_attrs=any", {}, False),
    ],
)
def test_asyncpg_is_known_only_where_it_is_told_all_of_the_address(
    query: str,
    environ: dict[str, str],
    *,
    known: bool,
) -> None:
    address = parse(PLAIN + query, "MIGRATOR_DATABASE_URL")
    assert reaches(address.url("asyncpg"), address, asynchronous=True, **environ) == known


@pytest.mark.parametrize("url", ["postgresql+asyncpg://h/d", "postgresql+asyncpg://u@h/"])
def test_asyncpg_is_not_known_where_it_would_choose_user_or_database(url: str) -> None:
    assert not reaches(url, asynchronous=True)
