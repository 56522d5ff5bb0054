"""The pages for those who come from something else: each line of them, on a real database."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from migrator.settings.aliases import ALIASES
from tests.docs.markdown import Page, code, page, pages
from tests.support import backups
from tests.support.command import TREES, run

if TYPE_CHECKING:
    from tests.support.servers import Database

pytestmark = pytest.mark.slow

FOLDER = "docs/how-to/coming-from"
PAGES = [each for each in pages() if FOLDER in str(each)]
START, APPLICATION, SCRIPT, MANAGE, TABLES = (
    page(f"{FOLDER}/{name}.md")
    for name in ("start-command", "application-start", "migrate-script", "manage-py", "create-all")
)
TREE = TREES / "per_revision"
MODELS = """
from sqlalchemy import Column, Integer, Text
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class Customer(Base):
    __tablename__ = "customers"
    id = Column(Integer, primary_key=True)
    name = Column(Text)
"""
REVISIONS = {
    "first": (None, 'op.create_table("customers", sa.Column("id", sa.Integer, primary_key=True))'),
    "named": ("first", 'op.add_column("customers", sa.Column("name", sa.Text))'),
    "later": ("named", 'op.add_column("customers", sa.Column("since", sa.Date))'),
}


def commands_of_tables(each: Page) -> set[str]:
    """Give the command lines of ours that a page's tables put in the place of something."""
    lines = [line for line in each.text.splitlines() if line.startswith("|")]
    return {word for line in lines for word in code(line) if word.startswith("migrator ")}


COMMANDS = sorted(set().union(*map(commands_of_tables, PAGES)))
ENDS = {"migrator new --merge": 64}
"""With what a command ends here, where it is not 0: there is one head."""


def test_there_are_pages_and_their_tables_have_commands() -> None:
    assert len(PAGES) == 6
    assert len(COMMANDS) > 10


@pytest.mark.parametrize("line", COMMANDS)
def test_each_command_of_a_table_does_its_work(
    line: str, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "backups").mkdir()
    place = backups.settings(tmp_path / "backups", PATH=backups.path(backups.EMBEDDED))
    tree = shutil.copytree(TREE, tmp_path / "project")
    at = "r2" if line in {"migrator plan", "migrator run"} else "r3"
    assert run("run", "--target", at, tree=tree, url=database.url).exit_code == 0
    words = shlex.split(line.replace("--database shop", f"--database {database.name}"))
    ended = run(*words[1:], tree=tree, url=database.url, **place)
    assert ended.exit_code == ENDS.get(line, 0), ended.output


def program(*line: str, cwd: Path, url: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a program of a page, with the command of ours on its PATH."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    return subprocess.run(
        line,
        cwd=cwd,
        env={"PATH": path, "DATABASE_URL": url, **env},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def written(source: Page, name: str, folder: Path) -> Path:
    """Write the file of this name that a page shows."""
    [text] = [block.text for block in source.blocks if block.text.startswith(f"# {name}\n")]
    (folder / name).write_text(text)
    return folder / name


# The start command


def started(tree: Path, folder: Path, database: Database) -> subprocess.CompletedProcess[str]:
    """Run the start command of the page, whose server says that it serves."""
    [line] = [b.text for b in START.blocks if b.text.startswith("migrator run &&")]
    (folder / "server.py").write_text("print('serving')")
    line = line.replace("server.py", str(folder / "server.py"))
    return program("sh", "-c", line, cwd=tree, url=database.url)


def test_the_start_command_migrates_and_then_becomes_the_server(
    database: Database, tmp_path: Path
) -> None:
    ended = started(TREE, tmp_path, database)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.endswith("serving\n")
    assert database.revisions() == ["r3"]


def test_the_server_does_not_start_where_a_revision_fails(
    database: Database, tmp_path: Path
) -> None:
    ended = started(TREES / "fails_second", tmp_path, database)
    assert ended.returncode == 65
    assert "serving" not in ended.stdout


# At the application's start

IN_VARIABLE = TREES / "url_from_environment"
ENTER = "\nfrom fastapi.testclient import TestClient\nwith TestClient(app): print('open')\n"


def application(name: str, database: Database) -> subprocess.CompletedProcess[str]:
    """Start and stop the application of the page in the folder of a project."""
    [text] = [b.text for b in APPLICATION.blocks if b.text.startswith(f"# {name}\n")]
    return program(sys.executable, "-c", text + ENTER, cwd=IN_VARIABLE, url=database.url)


def test_the_application_of_before_migrates_when_it_starts(database: Database) -> None:
    ended = application("app_before.py", database)
    assert ended.returncode == 0, ended.stderr
    assert database.revisions() == ["r2"]


def test_the_application_of_after_starts_only_on_a_database_that_was_migrated(
    database: Database,
) -> None:
    ended = application("app_after.py", database)
    [told] = [b.text for b in APPLICATION.blocks if b.language == "text"]
    assert (ended.returncode, ended.stdout) == (1, "")
    assert told.strip() in ended.stderr
    assert database.revisions() == []
    assert run("run", tree=IN_VARIABLE, url=database.url).exit_code == 0
    ended = application("app_after.py", database)
    assert (ended.returncode, ended.stdout) == (0, "open\n")


def test_two_lines_are_what_changes_in_the_application() -> None:
    before, after = (
        set(block.text.splitlines()[1:])
        for block in APPLICATION.blocks
        if block.language == "python"
    )
    assert after - before == {
        "from migrator import require_head",
        '    require_head(os.environ["DATABASE_URL"])',
    }


# A migrate.py, a manage.py


def test_a_migrate_py_that_keeps_its_name_is_the_job(database: Database, tmp_path: Path) -> None:
    file = written(SCRIPT, "migrate.py", tmp_path)

    def migrate(*arguments: str) -> subprocess.CompletedProcess[str]:
        path = backups.path(backups.EMBEDDED)
        path = os.pathsep.join((str(Path(sys.executable).parent), path))
        return program(sys.executable, str(file), *arguments, cwd=TREE, url=database.url, PATH=path)

    assert "3 revisions" in migrate("--dry-run").stdout
    assert database.revisions() == []
    assert migrate("--lock-wait", "5s").returncode == 0
    assert database.revisions() == ["r3"]
    assert "at_head" in migrate("--current", "--json").stdout
    assert "r3" in migrate("--history").stdout
    assert migrate("--wrong").returncode == 64


def test_a_manage_py_that_keeps_its_name_is_the_job(database: Database, tmp_path: Path) -> None:
    file = str(written(MANAGE, "manage.py", tmp_path))
    assert program(sys.executable, file, "greet", "you", cwd=TREE, url="").stdout == "Hello you\n"
    ended = program(sys.executable, file, "migrate", cwd=TREES / "fails_second", url=database.url)
    assert ended.returncode == 65
    ended = program(sys.executable, file, "migrate", cwd=TREE, url=database.url)
    assert ended.returncode == 0, ended.stdout
    assert database.revisions() == ["r3"]


def test_the_variables_of_the_page_go_on_working(database: Database, tmp_path: Path) -> None:
    told = dict(code(before)[0].split("=") for before, _ in SCRIPT.table("before", "now"))
    assert told.pop("AUTO_MIGRATE") == "false"
    assert set(told) == set(ALIASES) - {"AUTO_MIGRATE"}
    ended = run("run", tree=TREE, url=database.url, AUTO_MIGRATE="false", **told)
    assert (ended.exit_code, database.revisions()) == (0, [])
    ended = run("run", tree=TREE, url=database.url, **told)
    assert (ended.exit_code, database.revisions()) == (78, [])
    more = backups.settings(tmp_path, MIGRATOR_AFTER=f"{sys.executable} -c 'print(41 + 1)'")
    ended = run("run", tree=TREE, url=database.url, **told, **more)
    assert ended.exit_code == 0, ended.output
    assert "42" in ended.stdout
    assert ended.report["backup"]


# create_all


@pytest.fixture
def beside_alembic(tmp_path: Path) -> Path:
    """Give a project with models, and revisions of which the last is not in the models."""
    (tmp_path / "models.py").write_text(MODELS)
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s\n")
    (tmp_path / "env.py").write_text((TREE / "env.py").read_text())
    (tmp_path / "versions").mkdir()
    for name, (parent, upgrade) in REVISIONS.items():
        (tmp_path / f"versions/{name}.py").write_text(
            f"import sqlalchemy as sa\nfrom alembic import op\nrevision = {name!r}\n"
            f"down_revision = {parent!r}\n\ndef upgrade():\n    {upgrade}\n"
        )
    return tmp_path


def made_by_create_all(folder: Path, database: Database) -> None:
    file = written(TABLES, "make_tables.py", folder)
    url = database.url.replace("postgresql:", "postgresql+psycopg2:")
    ended = program(sys.executable, file.name, cwd=folder, url=url)
    assert ended.returncode == 0, ended.stderr
    database.rows("INSERT INTO customers VALUES (1, 'Ada')")


def test_a_database_made_by_create_all_is_recognised_and_repaired(
    beside_alembic: Path, database: Database
) -> None:
    made_by_create_all(beside_alembic, database)
    blocks = [b.text.splitlines() for b in TABLES.blocks if b.language == "console"]
    first, *rest = (shlex.split(line)[1:] for block in blocks for line in block)
    seen = run(*first, tree=beside_alembic, url=database.url)
    assert "nobody knows where it stands" in seen.stdout
    failed = run("run", tree=beside_alembic, url=database.url)
    assert failed.exit_code == 65
    assert failed.report["error"]["hint"] in " ".join(TABLES.text.split())
    told = [run(*line, tree=beside_alembic, url=database.url) for line in rest]
    assert [each.exit_code for each in told] == [0, 0, 0], [each.output for each in told]
    assert database.revisions() == ["later"]
    assert database.rows("SELECT * FROM customers") == [(1, "Ada", None)]


def test_a_database_that_no_revision_makes_is_not_stamped(
    beside_alembic: Path, database: Database
) -> None:
    made_by_create_all(beside_alembic, database)
    database.rows("CREATE INDEX by_hand ON customers (name)")
    ended = run("repair", "--yes", tree=beside_alembic, url=database.url)
    assert ended.exit_code == 76
    assert "by_hand" in ended.output
    assert database.revisions() == []
