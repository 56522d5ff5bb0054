"""Histories that nobody here wrote: optuna's and jupyterhub's, to head and again."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.command import run

if TYPE_CHECKING:
    from tests.support.servers import Database

pytestmark = pytest.mark.slow


def folder_of(package: str) -> Path:
    """Give the folder of an installed package."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"{package} is not installed")
    return Path(spec.origin).parent


@pytest.fixture
def optuna() -> Path:
    """Give the folder of optuna's ini file."""
    return folder_of("optuna") / "storages" / "_rdb"


@pytest.fixture
def jupyterhub(tmp_path: Path) -> Path:
    """Give a folder with jupyterhub's ini file as its own command writes it."""
    home = folder_of("jupyterhub")
    ini = (home / "alembic.ini").read_text()
    (tmp_path / "alembic.ini").write_text(
        ini.format(alembic_dir=home / "alembic", db_url="sqlite:///not-this-one.sqlite")
    )
    return tmp_path


JUPYTERHUB_0_5 = """
CREATE TABLE servers (id serial PRIMARY KEY, ip text, port int);
CREATE TABLE users (id serial PRIMARY KEY, name text UNIQUE, _server_id int REFERENCES servers);
CREATE TABLE proxies (id serial PRIMARY KEY);
CREATE TABLE hubs (id serial PRIMARY KEY);
CREATE TABLE services (id serial PRIMARY KEY, name text UNIQUE);
CREATE TABLE spawners (id serial PRIMARY KEY, user_id int REFERENCES users, server_id int);
CREATE TABLE api_tokens (id serial PRIMARY KEY, user_id int REFERENCES users);
CREATE TABLE oauth_clients (id serial PRIMARY KEY, identifier text UNIQUE);
CREATE TABLE oauth_access_tokens (id serial PRIMARY KEY, client_id text);
CREATE TABLE oauth_codes (id serial PRIMARY KEY, client_id text);
INSERT INTO users (name) SELECT 'user-' || n FROM generate_series(1, 100) AS n;
"""
"""What jupyterhub's history starts from: the tables it once made without Alembic."""


def test_optunas_history_goes_to_head_and_is_there_the_second_time(
    optuna: Path, database: Database
) -> None:
    first = run("run", tree=optuna, url=database.url)
    assert first.exit_code == 0, first.output
    assert first.report["outcome"] == "migrated"
    assert database.revisions() == first.report["to"]
    assert len(first.report["applied"]) >= 10

    assert run("run", tree=optuna, url=database.url).report["outcome"] == "up_to_date"


def test_jupyterhubs_history_goes_to_head_past_its_own_broken_revision(
    jupyterhub: Path, database: Database
) -> None:
    """Revision 99a28a4418e1 calls a method that datetime does not have: nobody can run it.

    The run says so and keeps what came before; what that revision would have done is done by
    hand, as an administrator would, and the next run goes on from there.
    """
    database.rows(JUPYTERHUB_0_5)
    first = run("run", tree=jupyterhub, url=database.url)
    assert first.exit_code == 65
    assert first.report["failed"] == "99a28a4418e1"
    assert "_replace" in first.report["error"]["message"]
    assert first.report["database_state"] == "partially_migrated"
    assert first.report["applied"][-1]["revision"] == "56cc5a70207e"
    assert database.revisions() == ["56cc5a70207e"]

    database.rows(
        "ALTER TABLE users ADD COLUMN created timestamp DEFAULT now();"
        "ALTER TABLE spawners ADD COLUMN started timestamp;"
        "UPDATE alembic_version SET version_num = '99a28a4418e1'"
    )
    second = run("run", tree=jupyterhub, url=database.url)
    assert second.exit_code == 0, second.output
    assert second.report["from"] == ["99a28a4418e1"]
    assert database.revisions() == second.report["to"]
    assert len(first.report["applied"]) + 1 + len(second.report["applied"]) == 19

    assert run("run", tree=jupyterhub, url=database.url).report["outcome"] == "up_to_date"


def test_jupyterhubs_history_stops_where_its_first_tables_are_missing(
    jupyterhub: Path, database: Database
) -> None:
    ended = run("run", tree=jupyterhub, url=database.url)
    assert ended.exit_code == 65
    assert ended.report["failed"] == "eeb276e51423"
    assert ended.report["error"]["sqlstate"] == "42P01"
    assert database.revisions() == ["19c0846f6344"]
