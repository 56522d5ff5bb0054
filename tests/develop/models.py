"""A project with models, as a developer has it before the commit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import alembic

from tests.support.command import run

if TYPE_CHECKING:
    from tests.support.command import Ended

INI = """
[alembic]
script_location = %(here)s
prepend_sys_path = %(here)s
path_separator = os
{options}
"""
ENV = '''
"""An ordinary env.py, whose metadata is that of the models."""

from alembic import context
from shop.models import Base
from sqlalchemy import engine_from_config, pool

config = context.config
engine = engine_from_config(
    config.get_section(config.config_ini_section, {}), poolclass=pool.NullPool
)

with engine.connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()
'''
FIRST = '''
"""The shop's models."""

import sqlalchemy as sa
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class Team(Base):
    __tablename__ = "teams"
    id = sa.Column(sa.Integer, primary_key=True)


class User(Base):
    __tablename__ = "users"
    id = sa.Column(sa.Integer, primary_key=True)
    name = sa.Column(sa.String(50))
    team_id = sa.Column(sa.Integer)
    nick = sa.Column(sa.String(50), index=True)
'''
TEMPLATE = Path(alembic.__file__).parent / "templates/generic/script.py.mako"


def project(folder: Path, models: str = FIRST, env_py: str = ENV, options: str = "") -> Path:
    """Make a project with these models and without a revision."""
    (folder / "versions").mkdir(parents=True)
    (folder / "shop").mkdir()
    (folder / "shop/__init__.py").touch()
    (folder / "alembic.ini").write_text(INI.lstrip().format(options=options))
    (folder / "env.py").write_text(env_py.lstrip())
    (folder / "script.py.mako").write_bytes(TEMPLATE.read_bytes())
    remodel(folder, models)
    return folder


def remodel(folder: Path, models: str) -> None:
    """Change the models."""
    (folder / "shop/models.py").write_text(models.lstrip())


def files(folder: Path) -> set[str]:
    """Give the names of the revision files, and of whatever else is in their folder."""
    return {each.name for each in (folder / "versions").iterdir()}


def new(
    folder: Path, *arguments: str, code: int = 0, url: str | None = None, **env: str
) -> dict[str, Any]:
    """Give the answer of `migrator new`; its shape is the same for every revision."""
    ended = run("new", "--json", *arguments, tree=folder, url=url, **env)
    assert ended.exit_code == code, ended.output
    answer: dict[str, Any] = json.loads(ended.stdout)
    if code in {0, 3}:
        shape = ["ok", "revisions", "verdict", "hazards", "findings", "error"]
        assert list(answer) == shape
        assert answer["ok"] == (code == 0)
        assert answer["error"] is None
    return answer


def refused(folder: Path, *arguments: str, code: int, **env: str) -> str:
    """Run a `new` that must write nothing; gives its message and hint."""
    before = files(folder)
    error = new(folder, *arguments, code=code, **env)["error"]
    assert files(folder) == before
    return f"{error['message']} {error['hint']}"


def text(folder: Path, answer: dict[str, Any], number: int) -> str:
    """Give the file of a revision that was written, by its place."""
    return Path(folder, answer["revisions"][number]["file"]).read_text()


def went(ended: Ended) -> None:
    """See that a run went well."""
    assert ended.exit_code == 0, ended.output
