"""The cache of the ledger: what answers without running the project, and what makes a run look."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy

from tests.support.command import KEPT, TREES
from tests.support.command import run as command
from tests.support.projects import MODELS, revision, trees, with_models, write
from tests.support.servers import as_role

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database

INI = "[alembic]\nscript_location = db\nprepend_sys_path = .\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give the folder of a project whose env.py imports the models of an application."""
    return with_models(tmp_path)


def looked(folder: Path, url: str, *arguments: str, code: int = 0, **env: str) -> bool:
    """Run it, to an end with this code; tell whether it ran the project."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "migrator", "run", *arguments],
        cwd=folder,
        env={**kept, "MIGRATOR_DATABASE_URL": url, "PYTHONDONTWRITEBYTECODE": "1", **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == code, ended.stdout
    return re.search(r"\| +alembic$", ended.stderr, re.MULTILINE) is not None


# It answers


def test_what_the_first_run_found_the_next_answers_from_the_cache(
    project: Path, database: Database
) -> None:
    assert looked(project, database.url)
    assert not looked(project, database.url)
    assert not looked(project, database.url, HOSTNAME="another-pod", RAILWAY_DEPLOYMENT_ID="7")


def test_a_run_that_looked_and_had_nothing_to_do_is_remembered_too(
    project: Path, database: Database
) -> None:
    assert looked(project, database.url)
    (project / "app" / "models.py").write_text(MODELS + "# more\n")
    assert looked(project, database.url)
    assert not looked(project, database.url)


def option(folder: Path, *lines: str) -> None:
    """Put options into the project's section, in place of those that the template has."""
    ini = re.sub(
        r"^(version_)?path_separator = .*",
        "",
        (folder / "alembic.ini").read_text(),
        flags=re.MULTILINE,
    )
    (folder / "alembic.ini").write_text(ini.replace("[alembic]", "\n".join(("[alembic]", *lines))))


def several_heads(folder: Path) -> None:
    write(
        folder,
        {
            "db/versions/r2_.py": revision("r2", "r1", "left"),
            "db/versions/r3_.py": revision("r3", "r1", "right"),
        },
    )


@pytest.mark.parametrize("target", ["heads", "left@head", "r2", "r1"])
def test_it_answers_for_any_target_that_names_its_revisions(
    target: str, project: Path, database: Database
) -> None:
    several_heads(project)
    assert looked(project, database.url, "--target", target)
    assert not looked(project, database.url, "--target", target)
    assert looked(project, database.url, "--target", "left@head" if target != "left@head" else "r2")


def test_two_heads_remain_an_error_for_the_target_head(project: Path, database: Database) -> None:
    several_heads(project)
    assert looked(project, database.url, "--target", "heads")
    for _ in range(2):
        assert looked(project, database.url, code=66)


def test_a_relative_target_is_another_one_each_time(project: Path, database: Database) -> None:
    for name in ("r1", "r2"):
        assert looked(project, database.url, "--target", "+1")
        assert database.revisions() == [name]
    for _ in range(2):
        assert looked(project, database.url, "--target", "+1", code=78)


def test_it_answers_for_several_sections(tmp_path: Path, database: Database) -> None:
    folder = shutil.copytree(TREES / "several_sections", tmp_path / "tree")
    sections = ("--config-section", "alembic,analytics")
    assert looked(folder, database.url, *sections)
    assert not looked(folder, database.url, *sections)
    assert looked(folder, database.url, "--config-section", "analytics")
    for file in (folder / "analytics" / "versions").glob("*.py"):
        file.write_text(file.read_text() + "# more\n")
    assert looked(folder, database.url, *sections)


def test_it_answers_for_each_x_by_itself(tmp_path: Path, database: Database) -> None:
    folder = shutil.copytree(TREES / "x_arguments", tmp_path / "tree")
    for tenant in ("acme", "other"):
        assert looked(folder, database.url, "-x", f"tenant={tenant}")
        assert not looked(folder, database.url, "-x", f"tenant={tenant}")
    assert looked(folder, database.url, "-x", "tenant=acme")  # a run that applies something forgets
    assert not looked(folder, database.url, "-x", "tenant=acme")
    database.rows("UPDATE other.alembic_version SET version_num = 'r1'")
    assert not looked(folder, database.url, "-x", "tenant=acme")
    assert looked(folder, database.url, "-x", "tenant=other", code=65)


def test_it_answers_for_flask_migrate(tmp_path: Path, database: Database) -> None:
    folder = shutil.copytree(TREES / "flask_app", tmp_path / "tree")
    assert looked(folder, database.url)
    assert not looked(folder, database.url)
    (folder / "app.py").write_text((folder / "app.py").read_text() + "# more\n")
    assert looked(folder, database.url)


def test_it_answers_for_version_locations_in_a_package(project: Path, database: Database) -> None:
    places = "version_locations = app:revisions db/versions"
    option(project, "path_separator = space", "version_path_separator = space", places)
    folder = project / "app" / "revisions"
    folder.mkdir()
    (folder / "r3_.py").write_text(revision("r3", "r2"))
    assert looked(project, database.url)
    assert database.revisions() == ["r3"]
    assert not looked(project, database.url)
    (folder / "r4_.py").write_text(revision("r4", "r3"))
    assert looked(project, database.url)
    assert database.revisions() == ["r4"]


def test_it_looks_again_where_a_folder_below_has_a_new_revision(
    project: Path, database: Database
) -> None:
    option(project, "recursive_version_locations = true")
    deep = project / "db" / "versions" / "2026" / "01"
    deep.mkdir(parents=True)
    (deep / "r3_.py").write_text(revision("r3", "r2"))
    assert looked(project, database.url)
    assert not looked(project, database.url)
    (deep / "r4_.py").write_text(revision("r4", "r3"))
    assert looked(project, database.url)
    (deep.parent / "02").mkdir()
    (deep.parent / "02" / "r5_.py").write_text(revision("r5", "r4"))
    assert looked(project, database.url)
    assert database.revisions() == ["r5"]


def test_it_answers_where_env_py_replaces_the_locations(tmp_path: Path, database: Database) -> None:
    folder = shutil.copytree(TREES / "replaces_locations", tmp_path / "tree")
    assert looked(folder, database.url)
    assert not looked(folder, database.url)
    (head,) = database.revisions()
    (folder / "plugin" / "more.py").write_text(revision("more", head))
    assert looked(folder, database.url)
    assert database.revisions() == ["more"]


# What makes it look again: files, variables (more of them in test_fingerprint)


@pytest.mark.parametrize(
    "name", ["alembic.ini", "db/env.py", "db/versions/r1_.py", "app/models.py"]
)
def test_it_looks_again_where_a_file_has_changed(
    project: Path, name: str, database: Database
) -> None:
    looked(project, database.url)
    (project / name).write_text((project / name).read_text() + "\n# more\n")
    assert looked(project, database.url)


def test_it_looks_again_where_a_module_is_gone_or_there_for_the_first_time(
    project: Path, database: Database
) -> None:
    (project / "app" / "more.py").write_text("")
    (project / "app" / "models.py").write_text(
        f"{MODELS}try:\n    import app.more\nexcept ImportError:\n    pass\n"
    )
    looked(project, database.url)
    (project / "app" / "more.py").unlink()
    assert looked(project, database.url)
    assert not looked(project, database.url)
    (project / "app" / "more.py").write_text("")
    assert looked(project, database.url)


def test_it_looks_again_where_there_is_a_new_revision(project: Path, database: Database) -> None:
    looked(project, database.url)
    (project / "db" / "versions" / "r3_.py").write_text(revision("r3", "r2"))
    assert looked(project, database.url)
    assert database.revisions() == ["r3"]


def test_it_looks_again_where_a_variable_has_changed(project: Path, database: Database) -> None:
    looked(project, database.url, SCHEMA="a")
    assert looked(project, database.url, SCHEMA="b")
    assert not looked(project, database.url, SCHEMA="a")


def test_it_looks_again_where_a_passing_variable_is_named_and_has_changed(
    project: Path, database: Database
) -> None:
    (project / "app" / "models.py").write_text(f"import os\n{MODELS}os.environ['HOSTNAME']\n")
    looked(project, database.url, HOSTNAME="a")
    assert looked(project, database.url, HOSTNAME="b")
    assert not looked(project, database.url, HOSTNAME="b")


# What makes it look again: the database


def test_it_looks_again_where_the_database_is_not_where_it_was(
    project: Path, database: Database
) -> None:
    looked(project, database.url)
    database.rows("UPDATE alembic_version SET version_num = 'r1'")
    assert looked(project, database.url)
    assert database.revisions() == ["r2"]
    database.rows("DELETE FROM alembic_version")
    assert looked(project, database.url)
    assert not looked(project, database.url)
    database.rows("DROP TABLE alembic_version")
    assert looked(project, database.url)


def test_it_looks_again_where_the_search_path_has_changed(
    project: Path, database: Database
) -> None:
    looked(project, database.url)
    database.rows("CREATE SCHEMA other")
    database.rows(f"ALTER DATABASE {database.name} SET search_path TO other, public")
    assert looked(project, database.url)
    assert not looked(project, database.url)
    database.rows("CREATE TABLE other.alembic_version (version_num text)")
    database.rows("INSERT INTO other.alembic_version VALUES ('r1')")
    assert looked(project, database.url)
    assert database.rows("SELECT version_num FROM other.alembic_version") == [("r2",)]


def test_it_looks_again_where_the_version_table_has_moved(
    project: Path, database: Database
) -> None:
    looked(project, database.url)
    database.rows("CREATE SCHEMA other")
    database.rows("ALTER TABLE alembic_version SET SCHEMA other")
    assert looked(project, database.url)


def test_it_looks_again_where_it_was_another_role(project: Path, database: Database) -> None:
    looked(project, database.url)
    role = f"other_{database.name}"
    database.rows(f"CREATE ROLE {role} SUPERUSER LOGIN PASSWORD 'other'")
    try:
        assert looked(project, as_role(database, role, "other"))
    finally:
        database.rows(f"DROP ROLE {role}")


def test_it_looks_again_where_a_later_version_has_taken_the_ledger_over(
    project: Path, database: Database
) -> None:
    looked(project, database.url)
    database.rows("COMMENT ON SCHEMA migrator IS 'The ledger of migrator, version 4'")
    for _ in range(2):
        assert looked(project, database.url)


def test_without_a_ledger_nothing_is_remembered(project: Path, database: Database) -> None:
    """The role may not create one: it is the one run of another that did."""
    looked(project, database.url)
    database.rows("DROP SCHEMA migrator CASCADE")
    database.rows("CREATE SCHEMA migrator")
    assert looked(project, database.url)
    assert looked(project, database.url)


# env.py files whose connection is not like ours

OWN_PATH = """
from alembic import context
from sqlalchemy import create_engine, text

tenant = context.get_x_argument(as_dictionary=True).get("tenant", "tenant")
engine = create_engine(context.config.get_main_option("sqlalchemy.url"))
with engine.connect() as connection:
    connection.execute(text(f"SET search_path TO {tenant}, public"))
    connection.commit()
    connection.dialect.default_schema_name = tenant
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
needs_commit = pytest.mark.skipif(
    sqlalchemy.__version__ < "2", reason="1.4's connections have no commit()"
)


@pytest.fixture
def tenants(project: Path, database: Database) -> Path:
    """Give a project that sets its own search path, and two schemas for it."""
    (project / "alembic.ini").write_text(INI)
    (project / "db" / "env.py").write_text(OWN_PATH)
    database.rows("CREATE SCHEMA acme")
    database.rows("CREATE SCHEMA other")
    return project


@needs_commit
def test_it_answers_for_the_tenant_whose_schema_env_py_chose(
    tenants: Path, database: Database
) -> None:
    for tenant in ("acme", "other"):
        assert looked(tenants, database.url, "-x", f"tenant={tenant}")
        assert not looked(tenants, database.url, "-x", f"tenant={tenant}")
    database.rows("UPDATE acme.alembic_version SET version_num = 'r1'")
    assert not looked(tenants, database.url, "-x", "tenant=other")
    database.rows("UPDATE other.alembic_version SET version_num = 'r1'")
    assert looked(tenants, database.url, "-x", "tenant=other")
    assert database.rows("SELECT version_num FROM other.alembic_version") == [("r2",)]


@needs_commit
def test_it_looks_again_where_a_schema_came_onto_the_path_that_env_py_chose(
    tenants: Path, database: Database
) -> None:
    """Our own connection has another path, on which nothing has changed."""
    late = ("-x", "tenant=late")
    assert looked(tenants, database.url, *late)
    assert not looked(tenants, database.url, *late)
    database.rows("CREATE SCHEMA late")
    database.rows("CREATE TABLE late.alembic_version (version_num text)")
    database.rows("INSERT INTO late.alembic_version VALUES ('r1')")
    assert looked(tenants, database.url, *late)
    assert database.rows("SELECT version_num FROM late.alembic_version") == [("r2",)]


TRANSLATES = """
from alembic import context
from sqlalchemy import create_engine

engine = create_engine(context.config.get_main_option("sqlalchemy.url"))
with engine.connect() as connection:
    connection = connection.execution_options(schema_translate_map={None: "public"})
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"""
TENANTS = """
from alembic import context
from app.models import Base
from sqlalchemy import create_engine, text

engine = create_engine(context.config.get_main_option("sqlalchemy.url"))
"""
ASKS = f"""{TENANTS}
with engine.connect() as connection:
    schema = connection.execute(text("SELECT current_schema()")).scalar()
    connection.rollback()
    context.configure(connection=connection, version_table_schema=schema)
    with context.begin_transaction():
        context.run_migrations()
"""
LOOPS = f"""{TENANTS}
def migrate(schema):
    with engine.connect() as connection:
        context.configure(connection=connection, version_table_schema=schema)
        with context.begin_transaction():
            context.run_migrations()


for schema in ("public",):
    migrate(schema)
"""
LOOPS_ELSEWHERE = """
from alembic import context
from app.tenants import migrate

migrate(context)
"""
ELSEWHERE = """
from sqlalchemy import create_engine

def migrate(context):
    engine = create_engine(context.config.get_main_option("sqlalchemy.url"))
    for schema in ("public",):
        with engine.connect() as connection:
            context.configure(connection=connection, version_table_schema=schema)
            with context.begin_transaction():
                context.run_migrations()
"""


@needs_commit
@pytest.mark.parametrize(
    "env_py",
    [ASKS, LOOPS, LOOPS_ELSEWHERE, TRANSLATES],
    ids=["asks", "loops", "loops elsewhere", "translates"],
)
def test_an_env_py_whose_tables_may_depend_on_the_database_is_run_each_time(
    env_py: str, project: Path, database: Database
) -> None:
    (project / "db" / "env.py").write_text(env_py)
    (project / "app" / "tenants.py").write_text(ELSEWHERE)
    looked(project, database.url)
    assert looked(project, database.url)
    assert looked(project, database.url)


# The ledger


@pytest.fixture
def adopted(project: Path, database: Database) -> Path:
    """Give a project whose database was brought to head by Alembic alone."""
    looked(project, database.url)
    database.rows("DROP SCHEMA migrator CASCADE")
    return project


def test_a_run_with_nothing_to_do_makes_the_ledger_and_says_where_it_found_the_database(
    adopted: Path, database: Database
) -> None:
    assert looked(adopted, database.url)
    told = (
        "SELECT command, outcome, exit_code, database_state, revisions_from, revisions_to"
        " FROM migrator.run"
    )
    assert database.rows(told) == [("run", "up_to_date", 0, "unchanged", ["r2"], ["r2"])]
    assert not looked(adopted, database.url)
    assert len(database.rows(told)) == 1


def test_where_the_role_may_not_make_the_ledger_nothing_is_said(
    adopted: Path, database: Database
) -> None:
    role = f"reader_{database.name}"
    database.rows(f"CREATE ROLE {role} LOGIN PASSWORD 'reader'")
    database.rows(f"GRANT SELECT ON alembic_version TO {role}")
    try:
        ended = command(tree=adopted, url=as_role(database, role, "reader"))
        assert (ended.exit_code, ended.report["outcome"]) == (0, "up_to_date")
        assert ended.report["message"] == "The database is at r2: nothing is pending."
        assert database.tables("migrator") == set()
    finally:
        database.rows(f"DROP OWNED BY {role}")
        database.rows(f"DROP ROLE {role}")


@pytest.mark.parametrize("question", ["status", "wait"])
def test_a_question_does_not_make_the_ledger(
    question: str, adopted: Path, database: Database
) -> None:
    assert command(question, tree=adopted, url=database.url).exit_code == 0
    assert database.tables("migrator") == set()


# Both ways

_WHOLE = """
import os, sys
from migrator.migrate import run as job
from migrator.process.boundary import own_stdout, perform
job.key_of = lambda *_: None
outcome, _ = perform(job.run, {}, os.environ, own_stdout())
sys.exit(outcome.exit_code)
"""


def whole(folder: Path, url: str) -> dict[str, Any]:
    """Run the job without a look into the cache; gives its report."""
    ended = subprocess.run(
        [sys.executable, "-c", _WHOLE],
        cwd=folder,
        env={"MIGRATOR_DATABASE_URL": url, "PATH": os.environ["PATH"], "SLOW_SECONDS": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    report: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return report


@pytest.mark.slow
@pytest.mark.parametrize("tree", trees())
def test_what_the_cache_answers_is_what_a_whole_run_says(
    tree: str, tmp_path: Path, database: Database
) -> None:
    """The first two bring it as far as it goes; the third may be answered from the cache."""
    folder = shutil.copytree(TREES / tree, tmp_path / "tree")
    for _ in range(3):
        ended = command(tree=folder, url=database.url, SLOW_SECONDS="0").report
    report = whole(folder, database.url)
    same = ("outcome", "exit_code", "from", "to", "applied", "failed", "database_state")
    assert {k: ended[k] for k in same} == {k: report[k] for k in same}
