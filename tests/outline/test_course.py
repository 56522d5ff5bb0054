"""What env.py may do and still be followed, and what ends its course in doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.outline.project import found, proven, template, write
from tests.outline.test_environment import needs_sqlalchemy_2

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Database

URL = "postgresql+psycopg2://u:p%40%25@h/d"
GENERIC, ASYNC = template("generic", "env.py"), template("async", "env.py")
INI = template("generic", "alembic.ini.mako")

CONFIGURE = "connection=connection, target_metadata=target_metadata\n"
ENGINE = """engine_from_config(
        config.get_section(config.config_ini_section, {}),
        prefix="sqlalchemy.",
        poolclass=pool.NullPool,
    )"""
WITH = "with connectable.connect() as connection:"
BEGIN = "        with context.begin_transaction():\n            context.run_migrations()"
LAST = "else:\n    run_migrations_online()\n"
AWAIT = "        await connection.run_sync(do_run_migrations)"
DISPOSE = "    await connectable.dispose()"
DO = "def do_run_migrations(connection: Connection) -> None:"
ONLINE = "def run_migrations_online() -> None:"
MAIN = "async def run_async_migrations() -> None:"


def edited(source: str, *edits: tuple[str, str]) -> str:
    """Give the source after some edits, each of which must find its place."""
    for old, new in edits:
        assert old in source, old
        source = source.replace(old, new)
    return source


def configured(options: str) -> tuple[str, str]:
    return CONFIGURE, f"connection=connection, {options}\n"


def at_the_start(text: str) -> tuple[str, str]:
    return "config = context.config\n", f"config = context.config\n{text}\n"


def online(text: str) -> tuple[str, str]:
    """Put statements before the engine is made."""
    return f"    connectable = {ENGINE}", f"    {text}\n    connectable = {ENGINE}"


def engine(text: str) -> tuple[str, str]:
    return ENGINE, text


def url(text: str) -> tuple[tuple[str, str], ...]:
    return (
        ("import engine_from_config", "import create_engine"),
        engine(f"create_engine({text}, poolclass=pool.NullPool)"),
    )


DATABASE_URL = at_the_start("import os, re\nurl = os.environ['DATABASE_URL']")
WITHOUT_DRIVER = "url.replace('postgresql+psycopg2:', 'postgresql:')"
WITH_DRIVER = f"{WITHOUT_DRIVER}.replace('postgresql:', 'postgresql+psycopg2:', 1)"

FOLLOWED = {
    "another version table": (configured("version_table='app_version'"),),
    "another schema": (configured("version_table_schema='app'"),),
    "a schema that is none": (configured("version_table_schema=None"),),
    "flags": (configured("include_schemas=True, transactional_ddl=False, compare_type=True"),),
    "a function": (configured("include_object=run_migrations_offline"),),
    "metadata": (
        ("import pool", "import pool, MetaData"),
        ("target_metadata = None", "target_metadata = MetaData()"),
    ),
    "another way to metadata": (
        ("import pool", "import pool\nimport sqlalchemy as sa"),
        ("target_metadata = None", "target_metadata = sa.MetaData()"),
    ),
    "arguments of the revisions": (("run_migrations()\n\n\nif", "run_migrations(x='y')\n\n\nif"),),
    "a transaction of its own": ((WITH, "with connectable.begin() as connection:"),),
    "no transaction": ((BEGIN, "        context.run_migrations()"),),
    "two in one line": ((WITH, "with connectable.connect() as connection, connectable.begin():"),),
    "an end of its own": ((LAST, f"{LAST}the_end = None\n"),),
    "the engine is disposed of": ((BEGIN, f"{BEGIN}\n    connectable.dispose()"),),
    "the pool by its module": (
        ("import pool", "import pool\nimport sqlalchemy as sa"),
        ("pool.NullPool", "sa.pool.NullPool"),
    ),
    "the pool by its name": (
        ("from sqlalchemy import pool", "from sqlalchemy.pool import NullPool"),
        ("pool.NullPool", "NullPool"),
    ),
    "no pool": ((",\n        poolclass=pool.NullPool", ""),),
    "no prefix": (('        prefix="sqlalchemy.",\n', ""),),
    "no default": (("config.config_ini_section, {}", "config.config_ini_section"),),
    "the section by its name": (("config.config_ini_section, {}", "'alembic'"),),
    "the section with another URL in it": (
        DATABASE_URL,
        online("section = config.get_section('alembic'); section['sqlalchemy.url'] = url"),
        ("config.get_section(config.config_ini_section, {})", "section"),
    ),
    "a shared connection where there is none": (
        online(
            "connectable = config.attributes.get('connection', None)\n    if connectable is None:"
        ),
        (f"\n    connectable = {ENGINE}", f"\n        made = {ENGINE}"),
        (WITH, WITH.replace("connectable", "made")),
    ),
    "the URL from the variable": (DATABASE_URL, *url("url")),
    "the URL from the variable, which may be absent": (
        at_the_start("import os"),
        *url("os.environ.get('DATABASE_URL', 'nowhere')"),
    ),
    "the URL from the variable by a function": (
        at_the_start("import os\ndef get_url():\n    return os.getenv('DATABASE_URL')"),
        *url("get_url()"),
    ),
    "the URL with a driver": (
        DATABASE_URL,
        *url(WITH_DRIVER),
    ),
    "the URL with a driver, by a pattern": (
        DATABASE_URL,
        *url("re.sub(r'^postgres(ql)?://', 'postgresql+psycopg2://', url)"),
    ),
    "the URL from the option": (*url("config.get_main_option('sqlalchemy.url', 'nowhere')"),),
    "the URL from one or the other": (
        DATABASE_URL,
        *url("config.get_main_option('nowhere') or url"),
    ),
    "the URL put into the option": (
        DATABASE_URL,
        online("config.set_main_option('sqlalchemy.url', url.replace('%', '%%'))"),
    ),
    "another section's URL replaced": (
        DATABASE_URL,
        online("config.set_main_option('sqlalchemy.url', 'nowhere')"),
        online("config.set_main_option('sqlalchemy.url', url.replace('%', '%%'))"),
    ),
    "conditions": (
        at_the_start("if __name__ == 'env_py' and not config.attributes: pass"),
        online("if config.config_ini_section != 'alembic' or __name__ != 'env_py': return"),
    ),
    "loggers that are kept": (
        ("(config.config_file_name)", "(config.config_file_name, disable_existing_loggers=False)"),
    ),
    "a name that is free in a function": (online("name = config; other = name"),),
    "an early end": ((BEGIN, f"{BEGIN}\n        return"),),
    "a function in another": (
        at_the_start("def more(a, b=None): pass\ndef most(a): return a"),
        online("more(1, 2); value = most(config)"),
    ),
    "texts": (at_the_start("'text'"), online("'text'; ...; pass")),
    "an import in a function": (online("import os"),),
}
FOLLOWED_ASYNC = {
    "a transaction of its own": (("connectable.connect()", "connectable.begin()"),),
    "arguments": (
        ("run_sync(do_run_migrations)", "run_sync(do_run_migrations, 'x')"),
        (DO, DO.replace(")", ", x)")),
    ),
    "an engine of the URL": (
        ("import async_engine_from_config", "import create_async_engine"),
        (
            ENGINE.replace("engine_", "async_engine_"),
            "create_async_engine(config.get_main_option('sqlalchemy.url'))",
        ),
    ),
    "not disposed of": ((DISPOSE, ""),),
}
DOUBTED = {
    "an option of another kind": (online("config.set_main_option('timezone', 'UTC')"),),
    "a URL that is not the target's": (online("config.set_main_option('sqlalchemy.url', 'x')"),),
    "a URL with an open percent sign": (
        DATABASE_URL,
        online("config.set_main_option('sqlalchemy.url', url)"),
    ),
    "loggers of another file": (("fileConfig(config.config_file_name)", "fileConfig('x')"),),
    "loggers that are kept or not": (
        ("(config.config_file_name)", "(config.config_file_name, disable_existing_loggers=None)"),
    ),
    "another variable": (at_the_start("import os\nhome = os.environ['HOME']"),),
    "a variable that may be absent": (at_the_start("import os\nhome = os.getenv('HOME')"),),
    "configured twice": ((BEGIN, f"        context.configure(connection=connection)\n{BEGIN}"),),
    "configured without a connection": ((CONFIGURE, "url='x'\n"),),
    "configured with no connection": ((CONFIGURE, "connection=None\n"),),
    "configured with an engine": ((CONFIGURE, "connection=connectable\n"),),
    "configured with a text": ((CONFIGURE, "connection='x'\n"),),
    "configured by position": ((CONFIGURE, "connection\n"),),
    "configured by a dictionary": ((CONFIGURE, "connection=connection, **{}\n"),),
    "unknown metadata": (configured("target_metadata=pool"),),
    "several metadata": (configured("target_metadata=[None]"),),
    "an odd version table": (configured("version_table='odd name'"),),
    "a version table of Postgres": (configured("version_table='pg_class'"),),
    "a long version table": (configured(f"version_table='{'x' * 64}'"),),
    "no version table": (configured("version_table=''"),),
    "a version table that is no text": (configured("version_table=None"),),
    "an odd schema": (configured("version_table_schema='odd.name'"),),
    "an unknown option": (configured("nowhere=True"),),
    "an option that is a command's": (configured("as_sql=True"),),
    "an option that is applied": (configured("on_version_apply=run_migrations_offline"),),
    "a flag that is none": (configured("transactional_ddl=None"),),
    "a flag that is a function": (configured("include_schemas=run_migrations_offline"),),
    "a function that is a flag": (configured("include_name=True"),),
    "a function that is another's": (configured("include_name=pool"),),
    "a transaction before it is configured": (
        (WITH, "with connectable.connect() as connection, context.begin_transaction():"),
        (BEGIN, "        context.run_migrations()"),
    ),
    "a transaction begun and forgotten": (
        (BEGIN, f"        context.begin_transaction()\n{BEGIN}"),
    ),
    "a transaction kept": ((BEGIN, f"        kept = context.begin_transaction()\n{BEGIN}"),),
    "two transactions": ((BEGIN, f"        with context.begin_transaction(): pass\n{BEGIN}"),),
    "a transaction too late": (
        (BEGIN, "        context.run_migrations()\n        with context.begin_transaction(): pass"),
    ),
    "migrated before it is configured": (
        (
            "        context.configure(\n            conn",
            "        context.run_migrations()\n        context.configure(\n            conn",
        ),
    ),
    "migrated twice": ((BEGIN, f"{BEGIN}\n            context.run_migrations()"),),
    "migrated too late": ((BEGIN, BEGIN.replace("        with", "    with")),),
    "migrated without a connection entered": (
        (WITH, "connection = connectable.connect()\n    if True:"),
    ),
    "not migrated": ((BEGIN, "        with context.begin_transaction(): pass"),),
    "not called": ((LAST, ""),),
    "called offline": (("if context.is_offline_mode", "if not context.is_offline_mode"),),
    "a statement before": ((WITH, f"{WITH}\n        connection.execute('SELECT 1')"),),
    "a statement by Alembic": ((BEGIN, f"{BEGIN}\n            context.execute('SELECT 1')"),),
    "a script that is changed": (online("context.script.version_locations = []"),),
    "an attribute that is set": (online("context.config = None"),),
    "a loop": (online("for x in (): pass"),),
    "an attempt": (online("try: pass\n    finally: pass"),),
    "a call of nothing known": (online("print()"),),
    "a call of a text": (online("'text'()"),),
    "a call that gives something": (online("config.get_main_option('x', 'y')"),),
    "a call with a star": (online("x = config.get_main_option(*['x'])"),),
    "a call with two stars": (online("x = config.get_main_option('x', **{})"),),
    "a call with too much": (online("x = config.get_main_option('x', 'y', 'z')"),),
    "a call with another name": (online("x = config.get_main_option(option='x')"),),
    "an attribute that is not known": (online("x = config.print_stdout"),),
    "an attribute that is hidden": (online("x = config._parser"),),
    "an attribute of a text": (online("x = 'x'.format"),),
    "an attribute of a module": (online("x = pool.QueuePool"),),
    "a name that is not bound": (online("x = nowhere"),),
    "a name of Python's own": (online("x = str"),),
    "a name that is bound again": (at_the_start("config = 1"),),
    "a name that is bound again in a function": (online("x = 1; x = 2"),),
    "a name that is bound to the module": (online("global config; config = 1"),),
    "a name that is read too early": (online("x = config\n    if not x: config = 1"),),
    "a name that is never bound": (online("x = y\n    if not x: y = 1"),),
    "a name that is shared with a function": (
        online("x = config\n    if not config.config_file_name: f = lambda: config; config = 1"),
    ),
    "a function in a function": (online("def more(): pass"),),
    "a function with a default": (
        at_the_start("def more(x=1): pass"),
        online("more()"),
    ),
    "a function with too little": (at_the_start("def more(x): pass"), online("more()")),
    "a function with too much": (at_the_start("def more(x): pass"), online("more(1, 2)")),
    "a function with names only": (at_the_start("def more(*, x=1): pass"), online("more()")),
    "a function with places only": (at_the_start("def more(x, /): pass"), online("more(1)")),
    "a function with any": (at_the_start("def more(*x): pass"), online("more()")),
    "a function with any names": (at_the_start("def more(**x): pass"), online("more()")),
    "a function with a name": (at_the_start("def more(x): pass"), online("more(x=1)")),
    "a coroutine that comes to nothing": (
        at_the_start("async def more(): pass"),
        online("more()"),
    ),
    "a coroutine with too much": (
        at_the_start("async def more(): pass"),
        online("x = more(1)"),
    ),
    "a function without an end": (at_the_start("def more(): more()"), online("more()")),
    "an engine that is entered": ((WITH, "with connectable as connection:"),),
    "an engine that is entered asynchronously": (
        (ONLINE, f"async {ONLINE}"),
        (WITH, f"async {WITH}"),
    ),
    "what is entered is taken apart": (
        (WITH, WITH.replace(" as connection", " as (connection,)")),
    ),
    "a key of something else": (online("config['x'] = 1"),),
    "a key that is computed": (online("config.attributes[config] = 1"),),
    "a key that is read of something else": (online("x = config['x']"),),
    "a key that is not there": (online("x = config.attributes['x']"),),
    "a module that is compared": (online("x = pool is None"),),
    "things that are compared": (online("x = config == config"),),
    "an order": (online("x = 1 < 2"),),
    "a comparison of three": (online("x = 1 == 1 == 1"),),
    "a thing as a condition": (online("if config: pass"),),
    "a module as a condition": (online("if pool: pass"),),
    "a number as a condition": (online("if 1: pass"),),
    "a sum": (online("x = 1 + 1"),),
    "an opposite of nothing known": (online("x = ~1"),),
    "a list of things": (online("x = [config]"),),
    "a pool of its own": (("pool.NullPool", "pool"),),
    "a pool that is made": (("pool.NullPool", "pool.NullPool()"),),
    "no pool at all": (("pool.NullPool", "None"),),
    "more about the engine": (("pool.NullPool", "pool.NullPool, echo=True"),),
    "another prefix": (('"sqlalchemy."', '"other."'),),
    "another section": (("config.config_ini_section, {}", "'loggers', {}"),),
    "no section": (("config.config_ini_section, {}", "'nowhere', {}"),),
    "more options in the section": (
        online("section = config.get_section('alembic'); section['sqlalchemy.echo'] = 'x'"),
        ("config.get_section(config.config_ini_section, {})", "section"),
    ),
    "a substitution by a function": (
        DATABASE_URL,
        *url("re.sub('x', run_migrations_offline, url)"),
    ),
    "another URL": (*url("'postgresql+psycopg2://u:p@other/d'"),),
    "a loop of events that is not there": (
        at_the_start("import asyncio"),
        online("asyncio.run(config)"),
    ),
}
DOUBTED_ASYNC = {
    "waiting for something else": ((DISPOSE, "    await connectable"),),
    "waiting twice": (
        (
            AWAIT,
            "        once = connection.run_sync(do_run_migrations)\n        await once; await once",
        ),
    ),
    "a connection that is closed": (
        (AWAIT, "        late = connection.run_sync(do_run_migrations)"),
        (DISPOSE, "    await late"),
    ),
    "not waited for": ((AWAIT, AWAIT.replace("await ", "")),),
    "kept and not waited for": ((AWAIT, AWAIT.replace("await ", "kept = ")),),
    "a loop in a loop": ((DO, f"async def more(): pass\n{DO}\n    asyncio.run(more())"),),
    "a connection that is entered at once": (("async with", "with"),),
    "configured with the asynchronous connection": (
        (
            AWAIT,
            "        context.configure(connection=connection)\n        context.run_migrations()",
        ),
    ),
    "by name": (("run_sync(do_run", "run_sync(fn=do_run"),),
    "an engine that is not asynchronous": (
        (
            "sqlalchemy.ext.asyncio import async_engine_from_config",
            "sqlalchemy import engine_from_config as async_engine_from_config",
        ),
    ),
    "a coroutine with too much": ((MAIN, MAIN.replace("()", "(x)")),),
}


def of(folder: Path, source: str, *edits: tuple[str, str], ini: str = INI) -> Path:
    """Give the folder of a project with this env.py."""
    write(folder, {"db/env.py": edited(source, *edits), "alembic.ini": ini})
    return folder


def agree(folder: Path, database: Database) -> None:
    outline, plan = proven(folder, database.url), found(folder, database.url)
    assert outline is not None
    assert plan is not None
    assert ((outline.head,), (outline.table,)) == (plan.destination, plan.tables)


@pytest.mark.parametrize("name", FOLLOWED)
def test_a_course_that_is_followed_is_the_one_that_is_taken(
    name: str, tmp_path: Path, database: Database
) -> None:
    agree(of(tmp_path, GENERIC, *FOLLOWED[name]), database)


@needs_sqlalchemy_2
@pytest.mark.parametrize("name", FOLLOWED_ASYNC)
def test_an_asynchronous_course_that_is_followed_is_the_one_that_is_taken(
    name: str, tmp_path: Path, database: Database
) -> None:
    agree(of(tmp_path, ASYNC, *FOLLOWED_ASYNC[name]), database)


@pytest.mark.parametrize("name", DOUBTED)
def test_any_other_course_is_doubted(name: str, tmp_path: Path) -> None:
    assert proven(of(tmp_path, GENERIC), URL) is not None
    assert proven(of(tmp_path, GENERIC, *DOUBTED[name]), URL) is None


@needs_sqlalchemy_2
@pytest.mark.parametrize("name", DOUBTED_ASYNC)
def test_any_other_asynchronous_course_is_doubted(name: str, tmp_path: Path) -> None:
    assert proven(of(tmp_path, ASYNC), URL.replace("+psycopg2", "")) is not None
    assert proven(of(tmp_path, ASYNC, *DOUBTED_ASYNC[name]), URL.replace("+psycopg2", "")) is None


LOGGING = {
    "a format without a field": ("format = %(levelname)-5.5s [%(name)s] %(message)s", "format = x"),
    "a format of another field": ("%(message)s", "%(nowhere)s"),
    "a format of another form": ("%(message)s", "%(message)x"),
    "a format with a percent sign": ("%(message)s", "%(message)s %"),
    "another handler": ("StreamHandler", "FileHandler"),
    "a handler with other arguments": ("(sys.stderr,)", "(1, 2)"),
    "a handler with more": ("args = ", "kwargs = {}\nargs = "),
    "a handler of another level": ("level = NOTSET", "level = LOUD"),
    "a handler of another format": ("formatter = generic", "formatter = nowhere"),
    "a logger of another level": ("level = INFO", "level = LOUD"),
    "a logger of no level": ("level = INFO", "level ="),
    "a logger of another handler": ("handlers = console", "handlers = nowhere"),
    "a logger without handlers": ("handlers =\nqualname = alembic", "qualname = alembic"),
    "a logger without a name": ("qualname = alembic", ""),
    "a logger with an empty name": ("qualname = alembic", "qualname ="),
    "a logger that may propagate": ("qualname = alembic", "qualname = alembic\npropagate = x"),
    "a logger that is not there": ("root,sqlalchemy,alembic", "root,sqlalchemy,alembic,nowhere"),
    "no root": ("root,sqlalchemy,alembic", "sqlalchemy,alembic"),
    "two roots": ("root,sqlalchemy,alembic", "root,root"),
    "no loggers": ("[loggers]", "[nothing]"),
    "a percent sign": ("qualname = alembic", "qualname = %(here)s"),
    "another option": ("datefmt =", "style = {\ndatefmt ="),
}


@pytest.mark.parametrize("name", LOGGING)
def test_sections_about_logging_that_may_fail_are_doubted(name: str, tmp_path: Path) -> None:
    ini = edited(INI, LOGGING[name])
    assert proven(of(tmp_path, GENERIC, ini=ini), URL) is None
    (tmp_path / "alembic.ini").write_text(INI)
    assert proven(tmp_path, URL) is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("level = INFO\n", ""),
        ("level = INFO", "level = CRITICAL"),
        ("args = (sys.stderr,)\n", ""),
        ("(sys.stderr,)", "(sys.stdout,)"),
        ("formatter = generic\n", ""),
        ("handlers =\nqualname = alembic", "handlers = console\nqualname = alembic\npropagate = 0"),
        ("handlers = console", "handlers ="),
        ("%(levelname)-5.5s [%(name)s]", "%(asctime)s %(process)d %(funcName)20s"),
        ("datefmt = %H:%M:%S", "datefmt = %"),
    ],
)
def test_other_sections_about_logging_are_known(
    old: str, new: str, tmp_path: Path, database: Database
) -> None:
    agree(of(tmp_path, GENERIC, ini=edited(INI, (old, new))), database)
