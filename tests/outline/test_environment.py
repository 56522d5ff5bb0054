"""Projects of Alembic's own templates, and what is left of them after random edits.

Where the files prove a head and a version table, the full path, on a real database, must find
both, whatever was edited.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.outline.project import found, proven, template, write
from tests.test_projects import ALEMBIC, needs_toml

if TYPE_CHECKING:
    from migrator.database.version_table import VersionTable
    from tests.servers import Database

TABLES = """
CREATE TABLE alembic_version (version_num text PRIMARY KEY);
INSERT INTO alembic_version VALUES ('r2');
CREATE TABLE app_version (version_num text PRIMARY KEY);
INSERT INTO app_version VALUES ('r1');
CREATE SCHEMA app;
CREATE TABLE app.alembic_version (version_num text PRIMARY KEY);
"""


def files(name: str) -> dict[str, str]:
    """Give the files that `alembic init` makes of a template."""
    made = {
        "db/env.py": template(name, "env.py"),
        "alembic.ini": template(name, "alembic.ini.mako"),
    }
    if name.startswith("pyproject"):
        made["pyproject.toml"] = template(name, "pyproject.toml.mako")
    return made


needs_sqlalchemy_2 = pytest.mark.skipif(
    sqlalchemy.__version__ < "2", reason="asynchronous drivers are known from SQLAlchemy 2 on"
)
TEMPLATES = [
    "generic",
    pytest.param("async", marks=needs_sqlalchemy_2),
    pytest.param("pyproject", marks=needs_toml),
    pytest.param("pyproject_async", marks=(needs_toml, needs_sqlalchemy_2)),
]


@pytest.fixture
def standing(database: Database) -> Database:
    """Give a database that is at r2, and whose other version tables are behind."""
    database.rows(TABLES)
    return database


@pytest.mark.parametrize("name", TEMPLATES)
def test_what_alembic_init_makes_is_proven(name: str, tmp_path: Path, standing: Database) -> None:
    write(tmp_path, files(name))
    outline, plan = proven(tmp_path, standing.url), found(tmp_path, standing.url)
    assert outline is not None
    assert plan is not None
    assert outline.satisfied_by(standing.revisions())
    assert (outline.head,) == plan.destination
    assert (outline.table,) == plan.tables
    assert plan.pending == ()


STATEMENTS = [
    "import os",
    "import sys",
    "import sqlalchemy as sa",
    "import nowhere",
    "from sqlalchemy import text, create_engine, MetaData",
    "from alembic import context",
    "raise RuntimeError('no')",
    "sys.exit(0)",
    "print('x')",
    "pass",
    "return",
    "return None",
    "return 1",
    "'text'",
    "config = None",
    "context = None",
    "connection = None",
    "connectable = None",
    "target_metadata = MetaData()",
    "target_metadata = sa.MetaData()",
    "target_metadata = sa.MetaData",
    "target_metadata = [None]",
    "url = config.get_main_option('sqlalchemy.url')",
    "url = config.get_main_option('nowhere', 'other')",
    "url = os.environ['DATABASE_URL']",
    "url = os.environ['HOME']",
    "url = os.environ.get('DATABASE_URL', '')",
    "url = os.getenv('DATABASE_URL').replace('%', '%%')",
    "config.set_main_option('sqlalchemy.url', url)",
    "config.set_main_option('sqlalchemy.url', 'postgresql://nowhere/x')",
    "config.set_main_option('sqlalchemy.url', '%')",
    "config.set_main_option('sqlalchemy.echo', 'true')",
    "config.set_main_option('sqlalchemy.url', os.environ['DATABASE_URL'].replace('%', '%%'))",
    "config.set_main_option('script_location', 'nowhere')",
    "config.set_section_option('alembic', 'sqlalchemy.url', 'x')",
    "config.attributes['connection'] = 1",
    "section = config.get_section(config.config_ini_section)",
    "section['sqlalchemy.url'] = os.environ['DATABASE_URL']",
    "section['sqlalchemy.nowhere'] = '1'",
    "connectable = config.attributes.get('connection', None)",
    "connectable = create_engine(url)",
    "connectable = create_engine(url, poolclass=pool.NullPool())",
    "connectable.dispose()",
    "await connectable.dispose()",
    "connection.execute(sa.text('SELECT 1'))",
    "connection.commit()",
    "context.execute('SELECT 1')",
    "context.run_migrations()",
    "context.begin_transaction()",
    "context.configure(connection=connection)",
    "context.configure(connection=connection, version_table='app_version')",
    "context.script.version_locations = []",
    "for _ in range(2): pass",
    "while True: break",
    "if config.config_file_name: pass",
    "if not config.config_file_name: raise RuntimeError",
    "if __name__ == 'env_py': pass",
    "if __name__ != 'env_py': raise RuntimeError",
    "if target_metadata is None: raise RuntimeError",
    "if url == 'x' or url: pass",
    "try: pass\nfinally: pass",
    "global config",
    "del config",
    "def more(x=1): pass",
    "def more(): return config\nmore()",
    "with context.begin_transaction(): pass",
    "with connectable.connect() as other: pass",
    "with connectable.connect() as connection: pass",
    "with connectable.begin() as other: pass",
    "lambda: config",
    "x = [config for _ in ()]",
    "run_migrations_online()",
    "run_migrations_offline()",
    "asyncio.run(run_async_migrations())",
    "more = run_async_migrations(1)",
    "more = run_async_migrations()",
    "more = config.config_file_name or run_migrations_online()",
    "more = not config.config_file_name and nowhere",
    "more = fileConfig(config.config_file_name) or pool",
    "connection.run_sync(do_run_migrations)",
    "fileConfig('nowhere')",
    "fileConfig(config.config_file_name, disable_existing_loggers=False)",
]
REPLACED = [
    ("target_metadata=target_metadata", "target_metadata=None, version_table='app_version'"),
    ("target_metadata=target_metadata", "version_table_schema='app'"),
    ("target_metadata=target_metadata", "version_table_schema=None, compare_type=True"),
    ("target_metadata=target_metadata", "version_table=f'{1}'"),
    ("target_metadata=target_metadata", "version_table='Odd Name'"),
    ("target_metadata=target_metadata", "version_table=None"),
    ("target_metadata=target_metadata", "version_table='pg_class'"),
    ("target_metadata=target_metadata", "include_schemas=True, include_name=lambda *_: True"),
    ("target_metadata=target_metadata", "include_object=run_migrations_offline"),
    ("target_metadata=target_metadata", "transaction_per_migration=True, render_as_batch=True"),
    ("target_metadata=target_metadata", "transactional_ddl=False, version_table_pk=False"),
    ("target_metadata=target_metadata", "transactional_ddl=None"),
    ("target_metadata=target_metadata", "as_sql=True"),
    ("target_metadata=target_metadata", "fn=None"),
    ("target_metadata=target_metadata", "fn=lambda *_: ()"),
    ("target_metadata=target_metadata", "script=None"),
    ("target_metadata=target_metadata", "purge=True"),
    ("target_metadata=target_metadata", "starting_rev='r1'"),
    ("target_metadata=target_metadata", "on_version_apply=1"),
    ("target_metadata=target_metadata", "**{'version_table': 'app_version'}"),
    ("connection=connection, ", ""),
    ("connection=connection", "connection=connectable"),
    ("connection=connection", "connection=None"),
    ("connection=connection", "connection"),
    ("run_migrations()", "run_migrations(engine='x')"),
    ("run_migrations()", "run_migrations('x')"),
    ("run_migrations()", "run_migrations"),
    ("NullPool", "QueuePool"),
    ("pool.NullPool", "None"),
    ("pool.NullPool", "pool"),
    ("poolclass=pool.NullPool", "poolclass=pool.NullPool, echo=False"),
    ("poolclass=pool.NullPool", "isolation_level='NOWHERE'"),
    ("poolclass=pool.NullPool", "**{}"),
    ('prefix="sqlalchemy."', 'prefix="other."'),
    ('prefix="sqlalchemy."', 'url="sqlite://"'),
    ('prefix="sqlalchemy.",', ""),
    ("config.config_ini_section, {}", "config.config_ini_section"),
    ("config.config_ini_section", '"nowhere"'),
    ("config.config_ini_section", '"alembic"'),
    ("config.config_file_name", '"alembic.ini"'),
    ("config.config_file_name", "config.config_ini_section"),
    ("context.is_offline_mode()", "not context.is_offline_mode()"),
    ("context.is_offline_mode()", "context.is_offline_mode"),
    ("context.is_offline_mode()", "False"),
    ("context.is_offline_mode()", "True"),
    (".connect()", ".begin()"),
    (".connect()", ""),
    ("async with", "with"),
    ("with context", "async with context"),
    ("await ", ""),
    ("asyncio.run", "asyncio.create_task"),
    ("async def", "def"),
    ("def run_migrations_online() -> None:", "def run_migrations_online(x) -> None:"),
    ("def run_migrations_online() -> None:", "def run_migrations_online(x=1) -> None:"),
    ("def run_migrations_online() -> None:", "async def run_migrations_online() -> None:"),
    ("connection: Connection", "connection: Nowhere"),
    ("connection: Connection", "context: Connection"),
    ("connection: Connection", "connection: Connection, more"),
    ("is not None", "is None"),
    ("import context", "import context as other"),
    ("import context", "import op as context"),
    ("from alembic", "from nowhere"),
    ("from sqlalchemy import pool", "from sqlalchemy import nowhere"),
    ("import engine_from_config", "import create_engine as engine_from_config"),
]
OPTIONS = [
    "version_locations = %(here)s/db/versions",
    "version_locations = db/versions db/nowhere",
    "version_locations = db/versions:db/nowhere",
    "version_locations = nowhere",
    "version_locations =",
    "version_path_separator = space",
    "path_separator = space",
    "path_separator = nowhere",
    "prepend_sys_path = db:.",
    "prepend_sys_path =",
    "sourceless = true",
    "recursive_version_locations = true",
    "recursive_version_locations = yes",
    "truncate_slug_length = 40",
    "truncate_slug_length = many",
    "file_template = %%(rev)s",
    "file_template = %(rev)s",
    "timezone = UTC",
    "output_encoding = nowhere",
    "revision_environment = true",
    "sqlalchemy.url = postgresql+asyncpg://nowhere/x",
    "sqlalchemy.url = postgresql+pg8000://nowhere/x",
    "sqlalchemy.url = %",
    "sqlalchemy.echo = true",
    "sqlalchemy.pool_size = many",
    "version_table = app_version",
    "here = db",
    "nowhere = 1",
    "script_location = nowhere",
    "script_location = alembic:templates",
    "script_location = ../db",
    "script_location = db/../db",
    "script_location =",
    "[DEFAULT]",
    "[alembic]",
    "[other]",
    "[post_write_hooks]",
    "hooks = black",
    "black.options = %",
    "level = INFO",
    "level = LOUD",
    "level =",
    "class = FileHandler",
    "class = NullHandler",
    "args = (1, 2)",
    "args = ()",
    "kwargs = {}",
    "formatter = nowhere",
    "handlers = nowhere",
    "keys = root",
    "keys = root, nowhere",
    "keys =",
    "qualname = x",
    "propagate = 0",
    "propagate = x",
    "format = x",
    "format = %(nowhere)s",
    "format = %(message)s %",
    "format = %(message)d",
    "datefmt = %",
    "style = {",
    "a line without a sign",
    "  continued",
    "# ä",
]


IN_TOML = [
    'script_location = "nowhere"',
    'version_locations = "db/versions"',
    'version_locations = ["%(here)s/db/versions"]',
    "version_locations = [1]",
    'prepend_sys_path = "."',
    "prepend_sys_path = []",
    'recursive_version_locations = "true"',
    "recursive_version_locations = true",
    "sourceless = true",
    'truncate_slug_length = "x"',
    "truncate_slug_length = true",
    'file_template = "%(rev)s"',
    "timezone = 5",
    "nowhere = 1",
    'sqlalchemy.url = "x"',
    "[[tool.alembic.post_write_hooks]]",
    'name = "ruff"',
    'options = "%(x)s"',
    "[tool]",
    "[tool.ruff]",
    "[tool.alembic]",
    "no = TOML",
]


INSERTED = {"db/env.py": STATEMENTS, "alembic.ini": OPTIONS, "pyproject.toml": IN_TOML}


@dataclass
class Text:
    """A file, in lines, that is edited."""

    lines: list[str] = field(default_factory=list)

    def edit(self, draw: st.DrawFn, inserted: list[str]) -> None:
        """Take a line away, write one twice, exchange two, or put another in."""
        at = draw(st.integers(0, max(len(self.lines) - 1, 0)))
        match draw(st.sampled_from("-=~+++")):
            case "-":
                del self.lines[at : at + 1]
            case "=":
                self.lines[at:at] = self.lines[at : at + 1]
            case "~":
                self.lines[at : at + 2] = reversed(self.lines[at : at + 2])
            case _:
                here = self.lines[at] if self.lines else ""
                indent = here[: len(here) - len(here.lstrip())]
                text = draw(st.sampled_from(inserted))
                self.lines[at:at] = [indent + line for line in text.splitlines()]


def code_lines(source: str) -> list[str]:
    """Give the lines that are not empty, nor comments: an edit there makes a difference."""
    return [line for line in source.splitlines() if line.strip() and not line.startswith("#")]


@st.composite
def edited(draw: st.DrawFn) -> dict[str, str]:
    """Give the files of a template after some edits."""
    names = ["generic", "generic", "async", *(["pyproject"] if ALEMBIC >= (1, 16) else [])]
    made = files(draw(st.sampled_from(names)))
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from(["db/env.py", *made]))
        if name == "db/env.py" and draw(st.booleans()):
            old, new = draw(st.sampled_from(REPLACED))
            made[name] = made[name].replace(old, new)
        else:
            text = Text(code_lines(made[name]))
            text.edit(draw, INSERTED[name])
            made[name] = "\n".join(text.lines) + "\n"
    return made


@given(st.data())
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_what_an_edited_project_proves_the_full_path_finds(
    standing: Database, data: st.DataObject
) -> None:
    made = data.draw(edited())
    with tempfile.TemporaryDirectory() as home:
        write(Path(home), made)
        outline = proven(Path(home), standing.url)
        if outline is not None:
            plan = found(Path(home), standing.url)
            assert plan is not None
            assert (outline.head,) == plan.destination
            assert (outline.table,) == plan.tables
            if outline.satisfied_by(rows(standing, outline.table)):
                assert plan.pending == ()


def rows(database: Database, table: VersionTable) -> list[str]:
    return database.revisions(f'{table.schema or "public"}."{table.name}"')
