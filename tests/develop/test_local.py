"""What counts as this machine, and what as production."""

from __future__ import annotations

import pytest

from migrator.develop.local import production, see_that_it_is_local
from migrator.errors import UsageError
from migrator.settings.address import parse


def see(url: str, *named: str, **environ: str) -> None:
    see_that_it_is_local(parse(url, "DATABASE_URL"), environ, "migrator reset", named)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:///app",
        "postgresql://localhost/app",
        "postgresql://LocalHost:5433/app",
        "postgresql://127.0.0.1/app",
        "postgresql://127.8.9.10/app",
        "postgresql://[::1]:5432/app",
        "postgresql://[::ffff:127.0.0.1]/app",
        "postgresql+asyncpg://me:secret@localhost/app",
        "postgresql:///app?host=/var/run/postgresql",
        "postgresql:///app?host=@abstract",
        "postgresql://localhost,127.0.0.1:5433,[::1]/app",
        "postgresql://db.example.com/app?hostaddr=127.0.0.1",
    ],
)
def test_a_socket_and_what_loops_back_are_this_machine(url: str) -> None:
    see(url)


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("postgresql://db.example.com/app", "db.example.com"),
        ("postgresql://localhost.example.com/app", "localhost.example.com"),
        ("postgresql://10.0.0.5/app", "10.0.0.5"),
        ("postgresql://0.0.0.0/app", "0.0.0.0"),  # noqa: S104 - nobody listens here
        ("postgresql://[fe80::1]/app", "fe80::1"),
        ("postgresql://[::ffff:10.0.0.5]/app", "::ffff:10.0.0.5"),
        ("postgresql://localhost,db.example.com/app", "db.example.com"),
        ("postgresql://localhost/app?hostaddr=10.0.0.5", "10.0.0.5"),
        ("postgresql:///app?service=main", "main"),
        ("postgresql://localhost/app?service=main", "main"),
    ],
)
def test_every_other_host_is_refused_unless_it_is_named_exactly(url: str, host: str) -> None:
    with pytest.raises(UsageError, match=f"{host} is another machine") as caught:
        see(url)
    assert caught.value.exit_code == 64
    assert caught.value.hint is not None
    assert f"--not-local {host}." in caught.value.hint
    with pytest.raises(UsageError):
        see(url, host.upper() + "x", "localhost")
    see(url, host)


def test_each_of_several_hosts_must_be_named() -> None:
    url = "postgresql://one.example.com,two.example.com/app"
    with pytest.raises(UsageError, match=r"two\.example\.com"):
        see(url, "one.example.com")
    see(url, "one.example.com", "two.example.com")


@pytest.mark.parametrize(
    ("variable", "value"),
    [("PGHOST", "db.example.com"), ("PGHOSTADDR", "10.0.0.5"), ("PGSERVICE", "main")],
)
def test_the_variables_of_libpq_count_where_the_address_is_silent(
    variable: str, value: str
) -> None:
    with pytest.raises(UsageError, match="another machine"):
        see("postgresql:///app", **{variable: value})


def test_an_address_of_its_own_wins_over_pghost() -> None:
    see("postgresql://localhost/app", PGHOST="db.example.com")
    with pytest.raises(UsageError):  # libpq takes PGHOSTADDR whatever the host is called
        see("postgresql://localhost/app", PGHOSTADDR="10.0.0.5")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("RAILWAY_ENVIRONMENT_NAME", "production"),
        ("KUBERNETES_SERVICE_HOST", "10.96.0.1"),
        ("RENDER", "true"),
        ("FLY_APP_NAME", "shop"),
        ("DYNO", "web.1"),
        ("ECS_CONTAINER_METADATA_URI_V4", "an address"),
        ("APP_ENV", "prod"),
        ("ENVIRONMENT", "Production"),
        ("ENV", " PROD "),
        ("FLASK_ENV", "production"),
        ("NODE_ENV", "production"),
        ("DJANGO_ENV", "production"),
    ],
)
def test_in_production_nothing_helps(variable: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"off in production, and {variable}"):
        see("postgresql://localhost/app", "localhost", **{variable: value})


def test_another_stage_is_no_production() -> None:
    staging = {"RAILWAY_ENVIRONMENT_NAME": "pr-12", "APP_ENV": "development", "DYNO": ""}
    assert production(staging) is None
    see("postgresql://localhost/app", **staging)
