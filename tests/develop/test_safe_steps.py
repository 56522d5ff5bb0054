"""What is rewritten: each step is safe, and goes up, down and up on tables that have rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.develop.models import ENV, new, project, remodel, text
from tests.support.command import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database

pytestmark = pytest.mark.slow

HOOK = '''

def hook(context, revision, directives):
    """Add what autogenerate does not see."""
    if directives[0].message == "everything":
        added = ops.CreateCheckConstraintOp("users_age", "users", sa.text("age > 0"))
        directives[0].upgrade_ops.ops.append(added)
        gone = ops.DropConstraintOp("users_age", "users", type_="check")
        directives[0].downgrade_ops.ops.insert(0, gone)


config ='''
IN_USE = """
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class Team(Base):
    __tablename__ = "teams"
    id = sa.Column(sa.Integer, primary_key=True)
    label = sa.Column(sa.String(9))
    kind = sa.Column(sa.Enum("red", "it's blue", name="Kind"))


class User(Base):
    __tablename__ = "users"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column("fullName", sa.String(50))
    team_id = sa.Column(sa.Integer)
    age = sa.Column(sa.Integer)
    nick = sa.Column(sa.String(50), index=True)


visits = sa.Table(
    "visits", Base.metadata, sa.Column("at", sa.Integer), postgresql_partition_by="RANGE (at)"
)
"""
EVERYTHING = """
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class Place(Base):
    __tablename__ = "places"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.Text, index=True, unique=True)
    kind = sa.Column(sa.Enum("red", "it's blue", name="Kind"))
    mood = sa.Column(sa.Enum("glad", "sad", name="mood"))


class Team(Base):
    __tablename__ = "teams"
    __table_args__ = (sa.UniqueConstraint("label", deferrable=True, initially="DEFERRED"),)
    id = sa.Column(sa.Integer, primary_key=True)
    label = sa.Column(sa.String(9))
    kind = sa.Column(sa.Enum("red", "it's blue", name="Kind"))
    place_id = sa.Column(sa.ForeignKey("places.id"), index=True)


class User(Base):
    __tablename__ = "users"
    __table_args__ = (sa.UniqueConstraint("fullName", name="one Name"),)
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column("fullName", sa.String(50), nullable=False)
    team_id = sa.Column(sa.ForeignKey("teams.id", ondelete="CASCADE"))
    age = sa.Column(sa.Integer, nullable=False, server_default="18")
    nick = sa.Column(sa.String(50))
    moods = sa.Column(postgresql.ARRAY(sa.Enum("glad", "sad", name="mood")))
    email = sa.Column(sa.Text, nullable=False)
    token = sa.Column(
        postgresql.UUID, nullable=False, server_default=sa.text("gen_random_uuid()")
    )
    since = sa.Column(sa.DateTime, nullable=False, server_default=sa.func.now())


visits = sa.Table(
    "visits",
    Base.metadata,
    sa.Column("at", sa.Integer, index=True),
    postgresql_partition_by="RANGE (at)",
)
"""
STEPS = [
    ("everything: drop index ix_users_nick", "index-not-concurrent"),
    ("everything", None),
    ("everything: users", "column-required"),
    ("everything: visits", None),
    ("everything: check users_fullName_is_set", "not-null-full-scan"),
    ("everything: not null fullName", "not-null-full-scan"),
    ("everything: check users_age_is_set", "not-null-full-scan"),
    ("everything: not null age", "not-null-full-scan"),
    ("everything: index ix_teams_place_id", "index-not-concurrent"),
    ("everything: unique index teams_label_key", "unique-constraint-builds-index"),
    ("everything: unique teams_label_key", "unique-constraint-builds-index"),
    ("everything: unique index one Name", "unique-constraint-builds-index"),
    ("everything: unique one Name", "unique-constraint-builds-index"),
    ("everything: foreign key teams_place_id_fkey", "constraint-without-not-valid"),
    ("everything: validate teams_place_id_fkey", "constraint-without-not-valid"),
    ("everything: foreign key users_team_id_fkey", "constraint-without-not-valid"),
    ("everything: validate users_team_id_fkey", "constraint-without-not-valid"),
    ("everything: check users_age", "constraint-without-not-valid"),
    ("everything: validate users_age", "constraint-without-not-valid"),
]
WORDS = {
    "everything": "CREATE TYPE mood AS ENUM ('glad', 'sad')",
    "everything: drop index ix_users_nick": "postgresql_concurrently=True",
    "everything: users": "NOT NULL follows",
    "everything: not null age": "VALIDATE CONSTRAINT users_age_is_set",
    "everything: index ix_teams_place_id": "postgresql_concurrently=True",
    "everything: unique one Name": 'UNIQUE USING INDEX "one Name"',
    "everything: unique teams_label_key": "DEFERRABLE INITIALLY DEFERRED",
    "everything: foreign key users_team_id_fkey": "ondelete='CASCADE', postgresql_not_valid=True",
    "everything: check users_age": "CHECK (age > 0) NOT VALID",
}
ROWS = (
    "INSERT INTO teams SELECT n, n FROM generate_series(1, 9) n",
    "INSERT INTO users SELECT n, n, n % 9 + 1, n, n FROM generate_series(1, 900) n",
)
STATE = """
SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint
WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT format('%s %s', pg_get_indexdef(indexrelid), indisvalid) FROM pg_index
WHERE indrelid::regclass::text IN ('users', 'teams', 'places', 'visits')
UNION ALL SELECT format('%s.%s %s %s', attrelid::regclass, attname, attnotnull, atttypid::regtype)
FROM pg_attribute WHERE attrelid::regclass::text IN ('users', 'teams', 'places') AND attnum > 0
AND NOT attisdropped
UNION ALL SELECT format('%s %s', enumtypid::regtype, enumlabel) FROM pg_enum
"""


def state(database: Database) -> list[Any]:
    """Give all columns, constraints and indexes."""
    return sorted(database.rows(STATE))


def went(*line: str, folder: Path, database: Database) -> None:
    ended = run(*line, tree=folder, url=database.url)
    assert ended.exit_code == 0, ended.output


@pytest.fixture
def in_use(tmp_path: Path, database: Database) -> Path:
    """Give a project whose database is at head and has rows."""
    env_py = "import sqlalchemy as sa\nfrom alembic.operations import ops\n" + ENV
    env_py = env_py.replace("\nconfig =", HOOK, 1)
    env_py = env_py.replace("Base.metadata", "Base.metadata, process_revision_directives=hook")
    folder = project(tmp_path / "p", IN_USE, env_py)
    new(folder, "in use")
    went("run", folder=folder, database=database)
    for statement in ROWS:
        database.rows(statement)
    return folder


def test_everything_at_once_is_safe_and_goes_up_down_and_up_with_rows(
    in_use: Path, database: Database
) -> None:
    (before,) = database.revisions()
    at_first = state(database)
    remodel(in_use, EVERYTHING)
    answer = new(in_use, "everything", "--max-risk", "danger")
    written = answer["revisions"]
    avoided = [(r["message"], r["changes"][0]["avoids"] if r["changes"] else None) for r in written]
    assert avoided == STEPS
    told = {hazard["reason"] for hazard in answer["hazards"]}
    assert all("ix_visits_at" in each for each in told)  # Postgres has no such steps for it
    assert answer["findings"] == []
    for number, (message, _) in enumerate(STEPS):
        assert WORDS.get(message, "") in text(in_use, answer, number)

    went("run", folder=in_use, database=database)
    at_head = state(database)
    went("rollback", "--to", before, "--yes", folder=in_use, database=database)
    assert state(database) == at_first
    went("run", folder=in_use, database=database)
    assert state(database) == at_head
    assert database.rows("SELECT count(*), count(email), count(token) FROM users") == [(900, 0, 0)]

    database.rows("UPDATE users SET email = id, token = gen_random_uuid()")
    answer = new(in_use, "required")
    assert (answer["verdict"], len(answer["revisions"])) == ("safe", 4)
    went("run", folder=in_use, database=database)
    assert run("new", "nothing", tree=in_use).stdout.startswith("Nothing was written")
