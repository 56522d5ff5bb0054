"""Any Alembic project, unmodified: each tree goes to its head, and a second run finds that so."""

from __future__ import annotations

import importlib.util
import shutil
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import alembic
import pytest
import sqlalchemy
from psycopg2.extensions import parse_dsn

from tests.support.command import TREES, Ended, run
from tests.support.servers import Proxy

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database, Server

ALEMBIC = tuple(int(part) for part in alembic.__version__.split(".")[:2])
needs_toml = pytest.mark.skipif(ALEMBIC < (1, 16), reason="Alembic reads TOML since 1.16")

LINEAR = [
    ("plain", ["r3"]),
    ("empty_revision", ["r3"]),
    pytest.param("toml_only", ["r2"], marks=needs_toml),
    ("several_locations", ["r3"]),
    ("replaces_locations", ["r2"]),
    ("url_from_environment", ["r2"]),
    ("async_env", ["r3"]),
    ("running_loop", ["r2"]),
    ("disables_loggers", ["r2"]),
    ("keyword_arguments", ["r2"]),
    ("name_guard", ["r2"]),
    ("own_timeouts", ["r2"]),
    ("own_advisory_lock", ["r2"]),
    ("per_revision", ["r3"]),
    ("own_transaction", ["r3"]),
    ("not_transactional", ["r3"]),
    ("autocommit_env", ["r3"]),
    ("concurrent_index", ["r3"]),
    ("merged", ["r4"]),
    ("depends_on", ["m1"]),
    ("flask_app", ["r2"]),
]


@pytest.mark.parametrize(("tree", "head"), LINEAR)
def test_goes_to_head_and_is_there_the_second_time(
    tree: str, head: list[str], database: Database
) -> None:
    first = run("run", tree=tree, url=database.url)

    assert (first.exit_code, first.report["outcome"]) == (0, "migrated"), first.output
    assert first.report["to"] == head
    assert database.revisions() == head
    assert len(first.named("revision.applied")) == len(first.report["applied"])
    assert_is_done(run("run", tree=tree, url=database.url))
    assert database.advisory_locks() == 0


def assert_is_done(ended: Ended) -> None:
    assert (ended.exit_code, ended.report["outcome"]) == (0, "up_to_date"), ended.output
    assert ended.report["applied"] == []


def test_a_project_without_revisions_has_nothing_to_do(database: Database) -> None:
    assert_is_done(run("run", tree="no_revisions", url=database.url))
    assert database.tables() == set()


def test_the_version_table_and_its_schema_are_those_of_env_py(database: Database) -> None:
    assert run("run", tree="own_version_table", url=database.url).exit_code == 0
    assert database.revisions("app.app_version") == ["r2"]
    assert "alembic_version" not in database.tables()
    assert_is_done(run("run", tree="own_version_table", url=database.url))


def test_another_section_is_taken_by_name(database: Database) -> None:
    refused = run("run", tree="other_section", url=database.url)
    assert refused.exit_code == 66
    assert "[alembic]" in refused.report["error"]["message"]

    assert run("run", "-n", "billing", tree="other_section", url=database.url).exit_code == 0
    assert database.revisions() == ["r2"]


def test_several_sections_run_in_their_order_under_one_lock(database: Database) -> None:
    line = ("run", "--config-section", "analytics,alembic")
    ended = run(*line, tree="several_sections", url=database.url)

    assert ended.exit_code == 0
    assert [a["revision"] for a in ended.report["applied"]] == ["a1", "a2", "r1", "r2"]
    assert ended.events.count("lock.acquired") == 1
    assert database.revisions() == ["r2"]
    assert database.revisions("analytics_version") == ["a2"]
    assert_is_done(run(*line, tree="several_sections", url=database.url))


def test_each_schema_of_a_loop_has_its_own_history(database: Database) -> None:
    ended = run("run", tree="schemas_loop", url=database.url)

    assert ended.exit_code == 0
    assert [a["revision"] for a in ended.report["applied"]] == ["r1", "r2"] * 3
    for schema in ("t1", "t2", "t3"):
        assert database.revisions(f"{schema}.alembic_version") == ["r2"]
        assert "accounts" in database.tables(schema)
    assert_is_done(run("run", tree="schemas_loop", url=database.url))


@pytest.mark.parametrize(
    "told",
    [{"MIGRATOR_X": "tenant=acme verbose=1"}, {"MIGRATOR_X": "'tenant=acme' 'note=two words'"}],
)
def test_x_arguments_reach_env_py_by_variable(told: dict[str, str], database: Database) -> None:
    assert run("run", tree="x_arguments", url=database.url, **told).exit_code == 0
    assert database.revisions("acme.alembic_version") == ["r2"]


def test_x_arguments_reach_env_py_by_flag_which_wins(database: Database) -> None:
    line = ("run", "-x", "tenant=flag", "-x", "more=1")
    ended = run(*line, tree="x_arguments", url=database.url, MIGRATOR_X="tenant=variable")

    assert ended.exit_code == 0
    assert database.revisions("flag.alembic_version") == ["r2"]
    assert database.tables("variable") == set()


def test_env_py_finds_the_command_line_of_alembic(database: Database) -> None:
    line = ("run", "-x", "a=1")
    assert run(*line, tree="reads_cmd_opts", url=database.url).exit_code == 0
    assert database.revisions() == ["r2"]


def test_branches_are_applied_when_the_target_says_which(database: Database) -> None:
    one = run("run", "--target", "alpha@head", tree="branches", url=database.url)
    assert one.exit_code == 0
    assert database.revisions() == ["a2"]

    both = run("run", "--target", "heads", tree="branches", url=database.url)
    assert both.exit_code == 0
    assert both.report["from"] == ["a2"]
    assert database.revisions() == ["a2", "b2"]
    assert_is_done(run("run", "--target", "heads", tree="branches", url=database.url))


def test_env_py_may_take_its_url_from_settings_of_its_own(
    server: Server, database: Database
) -> None:
    proxy = Proxy(server)
    found = parse_dsn(database.url)
    ended = run(
        "run",
        tree="url_from_settings",
        url=database.url,
        APP_DB_HOST=proxy.host,
        APP_DB_PORT=str(proxy.port),
        APP_DB_USER=found["user"],
        APP_DB_PASSWORD=found.get("password", "none"),
        APP_DB_NAME=database.name,
        PGSSLMODE="disable",
    )
    proxy.close()

    assert ended.exit_code == 0, ended.output
    assert database.revisions() == ["r2"]


def test_an_env_py_that_connects_elsewhere_is_stopped_before_anything_is_applied(
    server: Server, database: Database
) -> None:
    with server.fresh() as other:
        ended = run(
            "run", tree="connects_elsewhere", url=database.url, OTHER_DATABASE_URL=other.url
        )

        assert ended.exit_code == 78
        assert ended.report["outcome"] == "refused"
        assert other.name in ended.report["error"]["message"]
        assert database.tables() == other.tables() == set()


def test_the_target_replaces_a_database_url_that_names_another(
    server: Server, database: Database
) -> None:
    with server.fresh() as pooled:
        ended = run("run", tree="url_from_environment", url=database.url, DATABASE_URL=pooled.url)

        assert ended.exit_code == 0, ended.output
        assert database.revisions() == ["r2"]
        assert pooled.tables() == set()


def test_the_unpooled_url_is_preferred_to_database_url(server: Server, database: Database) -> None:
    with server.fresh() as pooled:
        ended = run("run", DATABASE_URL=pooled.url, DATABASE_UNPOOLED_URL=database.url)

        assert ended.exit_code == 0
        assert database.revisions() == ["r3"]
        assert pooled.tables() == set()


def test_libpq_variables_name_the_database_where_no_url_does(database: Database) -> None:
    found = parse_dsn(database.url)
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
    told = {variable: found[key] for key, variable in names.items() if found.get(key)}
    ended = run("run", PGDATABASE=database.name, **told)

    assert ended.exit_code == 0, ended.output
    assert database.revisions() == ["r3"]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_each_scheme_in_use_is_understood(scheme: str, database: Database) -> None:
    url = urlsplit(database.url)._replace(scheme=scheme).geturl()
    assert run("run", url=url).exit_code == 0
    assert database.revisions() == ["r3"]


@pytest.mark.skipif(not importlib.util.find_spec("psycopg"), reason="psycopg 3 is not installed")
@pytest.mark.parametrize(
    ("scheme", "tree"), [("postgresql+psycopg", "plain"), ("postgresql+asyncpg", "async_env")]
)
def test_the_driver_in_the_url_is_the_one_env_py_uses(
    scheme: str, tree: str, database: Database
) -> None:
    if alembic_on_sqlalchemy_1() and scheme.endswith("psycopg"):
        pytest.skip("SQLAlchemy 1.4 has no psycopg 3")
    url = urlsplit(database.url)._replace(scheme=scheme).geturl()
    assert run("run", tree=tree, url=url).exit_code == 0
    assert database.revisions() == ["r3"]


def alembic_on_sqlalchemy_1() -> bool:
    return sqlalchemy.__version__.startswith("1.")


def test_what_a_project_prints_goes_to_standard_error(database: Database) -> None:
    ended = run("run", tree="prints_and_logs", url=database.url)

    assert ended.exit_code == 0
    assert ended.report["outcome"] == "migrated"
    for printed in ("env.py prints", "env.py writes", "env.py logs"):
        assert printed in ended.stderr
        assert printed not in ended.stdout


def test_an_env_py_may_have_another_encoding_as_python_allows(
    database: Database, tmp_path: Path
) -> None:
    project = shutil.copytree(TREES / "plain", tmp_path / "project")
    written = "# coding: latin-1\n# Größe\n" + (project / "env.py").read_text()
    (project / "env.py").write_text(written, encoding="latin-1")

    assert run("run", tree=project, url=database.url).exit_code == 0
    assert database.revisions() == ["r3"]


def test_flask_app_names_the_application(database: Database) -> None:
    line = ("run", "-c", "migrations/alembic.ini")
    ended = run(*line, tree="flask_app", url=database.url, FLASK_APP="app:app")
    assert ended.exit_code == 0, ended.output
    assert database.revisions() == ["r2"]


def test_a_flask_app_that_cannot_be_loaded_is_a_broken_project(database: Database) -> None:
    ended = run("run", tree="flask_app", url=database.url, FLASK_APP="nowhere:app")
    assert ended.exit_code == 66
    assert "Flask could not load the application" in ended.report["error"]["message"]
    assert database.tables() == set()


def test_transactions_can_be_told_from_outside(database: Database) -> None:
    ended = run("run", "--transactions", "per-revision", tree="fails_second", url=database.url)
    assert ended.exit_code == 65
    assert database.revisions() == ["r1"]


def test_one_transaction_can_be_told_from_outside(database: Database) -> None:
    line = ("run", "--transactions", "one")
    ended = run(*line, tree="fails_second_per_revision", url=database.url)
    assert ended.exit_code == 65
    assert database.revisions() == []
    assert ended.report["database_state"] == "unchanged"


def test_a_statement_timeout_ends_a_slow_revision(database: Database) -> None:
    ended = run("run", "--statement-timeout", "3s", tree="slow", url=database.url)
    assert ended.exit_code == 65
    assert ended.report["error"]["sqlstate"] == "57014"
    assert ended.report["failed"] == "r2"
    assert database.revisions() == ["r1"]
    assert "orders" not in database.tables()
