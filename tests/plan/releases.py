"""A release to rehearse: a project with what is in production, and what is pending."""

from __future__ import annotations

from textwrap import dedent, indent
from typing import TYPE_CHECKING

from tests.support.command import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database

_INI = """
[alembic]
script_location = %(here)s
path_separator = os
"""
ENV = '''
"""An ordinary project, a transaction for each revision."""

from alembic import context
from sqlalchemy import engine_from_config, pool

config = context.config
engine = engine_from_config(
    config.get_section(config.config_ini_section, {}), poolclass=pool.NullPool
)

with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
'''
_REVISION = '''
"""{title}"""

import sqlalchemy as sa
from alembic import op

revision = "r{number}"
down_revision = {parent!r}


def upgrade():
{upgrade}


def downgrade():
{downgrade}
'''


def project(folder: Path, env_py: str = ENV) -> Path:
    """Make a project without a revision."""
    (folder / "versions").mkdir(parents=True)
    (folder / "alembic.ini").write_text(_INI.lstrip())
    (folder / "env.py").write_text(env_py.lstrip())
    return folder


def revise(folder: Path, upgrade: str, downgrade: str = "pass", title: str = "A change.") -> str:
    """Add a revision; gives its id."""
    versions = folder / "versions"
    number = len(list(versions.glob("*.py"))) + 1
    text = _REVISION.lstrip().format(
        title=title,
        number=number,
        parent=f"r{number - 1}" if number > 1 else None,
        upgrade=indent(dedent(upgrade).strip(), "    "),
        downgrade=indent(dedent(downgrade).strip(), "    "),
    )
    (versions / f"r{number}.py").write_text(text)
    return f"r{number}"


def in_production(folder: Path, database: Database, *statements: str) -> None:
    """Make these statements the first revision, and bring the database to it."""
    lines = "\n".join(f"op.execute({statement!r})" for statement in statements)
    revise(folder, lines, title="What is there.")
    ended = run("run", tree=folder, url=database.url)
    assert ended.exit_code == 0, ended.output
