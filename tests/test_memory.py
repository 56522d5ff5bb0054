"""What a run remembers of a project, and everything that makes it look again."""

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

from tests.command import TREES
from tests.command import run as command
from tests.outline.project import template, write
from tests.outline.test_trees import trees
from tests.servers import as_role

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Database

MODELS = "from sqlalchemy.orm import declarative_base\n\nBase = declarative_base()\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Give the folder of a project whose env.py imports the models of an application."""
    env_py = template("generic", "env.py").replace(
        "target_metadata = None",
        "from app.models import Base\ntarget_metadata = Base.metadata",
    )
    assert "app.models" in env_py
    write(
        tmp_path,
        {
            "alembic.ini": template("generic", "alembic.ini.mako"),
            "db/env.py": env_py,
            "app/__init__.py": "",
            "app/models.py": MODELS,
        },
    )
    return tmp_path


def looked(folder: Path, url: str, **env: str) -> bool:
    """Run it, to an end with 0; tell whether it ran the project to find out what is pending."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "migrator", "run"],
        cwd=folder,
        env={**kept, "MIGRATOR_DATABASE_URL": url, "PYTHONDONTWRITEBYTECODE": "1", **env},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return re.search(r"\| +alembic$", ended.stderr, re.MULTILINE) is not None


def test_what_the_first_run_found_the_next_need_not_look_for(
    project: Path, database: Database
) -> None:
    assert looked(project, database.url)
    assert not looked(project, database.url)
    assert not looked(project, database.url, HOSTNAME="another-pod", RAILWAY_DEPLOYMENT_ID="7")


def test_a_run_that_looked_and_had_nothing_to_do_remembers_too(
    project: Path, database: Database
) -> None:
    assert looked(project, database.url)
    (project / "app" / "models.py").write_text(MODELS + "# more\n")
    assert looked(project, database.url)
    assert not looked(project, database.url)


@pytest.mark.parametrize(
    "name", ["alembic.ini", "db/env.py", "db/versions/r1_.py", "app/models.py"]
)
def test_it_looks_again_where_a_file_has_changed(
    project: Path, name: str, database: Database
) -> None:
    looked(project, database.url)
    (project / name).write_text((project / name).read_text() + "\n# more\n")
    assert looked(project, database.url)


def test_it_looks_again_where_a_module_is_gone(project: Path, database: Database) -> None:
    (project / "app" / "more.py").write_text("")
    (project / "app" / "models.py").write_text(
        f"{MODELS}try:\n    import app.more\nexcept ImportError:\n    pass\n"
    )
    looked(project, database.url)
    (project / "app" / "more.py").unlink()
    assert looked(project, database.url)


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


def test_it_looks_again_where_a_package_was_installed(
    project: Path, tmp_path: Path, database: Database
) -> None:
    packages = tmp_path / "packages"
    (packages / "more-1.0.dist-info").mkdir(parents=True)
    looked(project, database.url, PYTHONPATH=str(packages))
    assert not looked(project, database.url, PYTHONPATH=str(packages))
    (packages / "other-1.0.dist-info").mkdir()
    assert looked(project, database.url, PYTHONPATH=str(packages))


def test_it_looks_again_where_the_database_is_not_where_it_was(
    project: Path, database: Database
) -> None:
    looked(project, database.url)
    database.rows("UPDATE alembic_version SET version_num = 'r1'")
    assert looked(project, database.url)
    assert database.revisions() == ["r2"]


def test_it_looks_again_where_the_search_path_leads_to_another_table(
    project: Path, database: Database
) -> None:
    looked(project, database.url)
    database.rows("CREATE SCHEMA other")
    database.rows(f"ALTER DATABASE {database.name} SET search_path TO other, public")
    assert not looked(project, database.url)
    database.rows("CREATE TABLE other.alembic_version (version_num text)")
    database.rows("INSERT INTO other.alembic_version VALUES ('r2')")
    assert looked(project, database.url)


def test_it_looks_again_where_it_was_another_role(project: Path, database: Database) -> None:
    looked(project, database.url)
    role = f"other_{database.name}"
    database.rows(f"CREATE ROLE {role} SUPERUSER LOGIN PASSWORD 'other'")
    try:
        assert looked(project, as_role(database, role, "other"))
    finally:
        database.rows(f"DROP ROLE {role}")


def test_without_a_ledger_nothing_is_remembered(project: Path, database: Database) -> None:
    looked(project, database.url)
    database.rows("DROP SCHEMA migrator CASCADE")
    assert looked(project, database.url)
    assert looked(project, database.url)


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


@pytest.mark.skipif(sqlalchemy.__version__ < "2", reason="1.4's connections have no rollback()")
@pytest.mark.parametrize("env_py", [ASKS, LOOPS], ids=["asks", "loops"])
def test_an_env_py_whose_tables_may_depend_on_the_database_is_run_each_time(
    env_py: str, project: Path, database: Database
) -> None:
    (project / "db" / "env.py").write_text(env_py)
    looked(project, database.url)
    assert looked(project, database.url)
    assert looked(project, database.url)


_WHOLE = """
import os, sys
from migrator import job
from migrator.process.boundary import own_stdout, perform
outcome, _ = perform(job.run, {}, os.environ, own_stdout())
sys.exit(outcome.exit_code)
"""


def whole(folder: Path, url: str) -> dict[str, Any]:
    """Run the job without a look at what is remembered, or at the files; gives its report."""
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


@pytest.mark.parametrize("tree", trees())
def test_what_is_remembered_is_what_a_run_says(
    tree: str, tmp_path: Path, database: Database
) -> None:
    """The first two bring it as far as it goes; the third may remember, the job itself may not."""
    folder = shutil.copytree(TREES / tree, tmp_path / "tree")
    for _ in range(3):
        ended = command(tree=folder, url=database.url, SLOW_SECONDS="0").report
    report = whole(folder, database.url)
    same = ("outcome", "exit_code", "from", "to", "applied", "failed", "database_state")
    assert {k: ended[k] for k in same} == {k: report[k] for k in same}
