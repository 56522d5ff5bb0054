"""Every form of an address in use, read into the same one."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from migrator.settings.address import from_variables, parse

PLAIN = {"host": "db.internal", "port": "6000", "user": "shop", "dbname": "orders"}


def read(url: str) -> dict[str, str]:
    return dict(parse(url, "DATABASE_URL").parameters)


@pytest.mark.parametrize(
    "scheme",
    [
        "postgres",
        "postgresql",
        "postgresql+psycopg2",
        "postgresql+psycopg",
        "postgresql+asyncpg",
        "postgres+asyncpg",
    ],
)
def test_the_scheme_makes_no_difference_to_the_place(scheme: str) -> None:
    assert read(f"{scheme}://shop@db.internal:6000/orders") == PLAIN


def test_the_drivers_name_is_kept_for_the_project() -> None:
    assert parse("postgresql+asyncpg://h/db", "DATABASE_URL").driver == "asyncpg"
    assert parse("postgresql://h/db", "DATABASE_URL").driver is None


def test_ipv6() -> None:
    found = parse("postgresql://u@[2001:db8::1]:5433/db", "DATABASE_URL")
    assert found.parameters["host"] == "2001:db8::1"
    assert str(found) == "u@[2001:db8::1]:5433/db"
    assert make_url(found.url("psycopg2")).host == "2001:db8::1"


@pytest.mark.parametrize("url", ["postgresql:///db?host=/run/pg", "postgresql://%2Frun%2Fpg/db"])
def test_a_socket_directory(url: str) -> None:
    assert read(url) == {"host": "/run/pg", "dbname": "db"}
    assert make_url(parse(url, "DATABASE_URL").url("psycopg2")).query["host"] == "/run/pg"


def test_several_hosts() -> None:
    found = parse("postgresql://u:p@a:1,b:2/db?target_session_attrs=read-write", "DATABASE_URL")
    assert found.hosts() == [("a", "1"), ("b", "2")]
    url = make_url(found.url("psycopg2"))
    assert url.query["host"] == ("a:1", "b:2")
    assert url.query["target_session_attrs"] == "read-write"


def test_one_port_is_that_of_all_hosts() -> None:
    assert parse("host=a,b port=7", "DATABASE_URL").hosts() == [("a", "7"), ("b", "7")]


def test_libpqs_own_form() -> None:
    assert read("host=db.internal port=6000 user=shop dbname=orders") == PLAIN


def test_sslmode_is_kept_and_asyncpg_is_told_in_its_own_word() -> None:
    found = parse("postgresql://h/db?sslmode=require", "DATABASE_URL")
    assert found.parameters["sslmode"] == "require"
    assert make_url(found.url("asyncpg")).query == {"ssl": "require"}
    assert make_url(found.url("psycopg")).query == {"sslmode": "require"}


def test_asyncpgs_ssl_is_sslmode_to_us() -> None:
    assert read("postgresql+asyncpg://h/db?ssl=require")["sslmode"] == "require"
    assert read("postgresql+asyncpg://h/db?ssl=true")["sslmode"] == "require"


def test_a_drivers_own_parameters_are_for_that_driver_only() -> None:
    found = parse("postgresql+asyncpg://h/db?prepared_statement_cache_size=0", "DATABASE_URL")
    assert dict(found.parameters) == {"host": "h", "dbname": "db"}
    assert make_url(found.url("asyncpg")).query == {"prepared_statement_cache_size": "0"}
    assert make_url(found.url("psycopg2")).query == {}


def test_parameters_of_other_tools_are_passed_over() -> None:
    assert read("postgresql://h/db?schema=public&pgbouncer=true") == {"host": "h", "dbname": "db"}


def test_a_misspelt_parameter_is_refused() -> None:
    with pytest.raises(ValueError, match="did you mean 'sslmode'"):
        parse("postgresql://h/db?sslmod=require", "DATABASE_URL")


@pytest.mark.parametrize("written", ["p%25w@:/", "p%25w%40%3A%2F"])
def test_a_password_nobody_encoded_is_read_as_it_was_meant(written: str) -> None:
    found = parse(f"postgres://u:{written}@h:1/db", "DATABASE_URL")
    assert found.password == "p%w@:/"  # noqa: S105
    assert found.parameters["host"] == "h"


def test_a_question_mark_nobody_encoded_does_not_end_the_login() -> None:
    found = parse("postgresql://shop:hunter?two@h:1/db?sslmode=require", "DATABASE_URL")
    assert str(found) == "shop@h:1/db"
    assert found.password == "hunter?two"  # noqa: S105
    assert found.parameters["sslmode"] == "require"


def test_a_socket_directory_with_a_port() -> None:
    found = parse("postgresql://u@/db?host=/run/pg&port=5433", "DATABASE_URL")
    assert make_url(found.url("psycopg2")).query == {"host": "/run/pg", "port": "5433"}


@given(password=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_any_password_survives_from_the_url_to_sqlalchemys(password: str) -> None:
    found = parse(f"postgresql://u:{quote(password, safe='')}@h:1/db", "DATABASE_URL")
    assert found.password == password
    assert make_url(found.url("psycopg2")).password == password
    assert password == make_url(found.url("asyncpg")).password


@pytest.mark.parametrize(
    "url", ["mysql://u:secret@h/db", "postgresql://u:secret@[::1/db", "sslmode = = secret"]
)
def test_what_cannot_be_read_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is looked at below
        parse(url, "DATABASE_URL")
    assert "secret" not in str(caught.value)


def test_an_address_never_shows_its_password() -> None:
    found = parse("postgresql://u:secret@h:1/db?options=-csecret", "DATABASE_URL")
    assert str(found) == "u@h:1/db"
    assert "secret" not in repr(found)


def test_libpqs_variables() -> None:
    environ = {"PGHOST": "h", "PGPORT": "7", "PGUSER": "u", "PGPASSWORD": "p", "PGDATABASE": "d"}
    found = from_variables(environ)
    assert found is not None
    assert str(found) == "u@h:7/d"
    assert found.password == "p"  # noqa: S105
    assert from_variables({"PGUSER": "u"}) is None
