"""`migrator new`: what the models ask for is written, run up, down and up, and judged."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.develop.models import ENV, FIRST, TEMPLATE, files, new, project, refused, remodel, text
from tests.support.command import TREES, eventually, run, start

if TYPE_CHECKING:
    from tests.support.servers import Database

MORE = """

class Money(sa.types.TypeDecorator):
    impl = sa.Numeric
    cache_ok = True


class Order(Base):
    __tablename__ = "orders"
    id = sa.Column(sa.Integer, primary_key=True)
    user_id = sa.Column(sa.ForeignKey("users.id"), nullable=False, index=True)
    code = sa.Column(sa.String(8), unique=True, nullable=False)
    total = sa.Column(Money)
"""


def test_writes_what_the_models_ask_for_and_then_nothing_more(tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    answer = new(folder, "first tables")
    (revision,) = answer["revisions"]
    assert (revision["down_revision"], revision["message"]) == ([], "first tables")
    assert (answer["verdict"], answer["hazards"], answer["findings"]) == ("safe", [], [])
    assert files(folder) == {Path(revision["file"]).name}

    ended = run("new", "again", tree=folder)
    assert (ended.exit_code, len(files(folder))) == (0, 1), ended.output
    assert ended.stdout.startswith("Nothing was written: the database at head has all")

    remodel(folder, FIRST + MORE)
    ended = run("new", "orders", tree=folder)
    assert ended.exit_code == 0, ended.output
    assert "Wrote 1 revision:" in ended.stdout
    assert "Up, down and up again on an empty database: no difference." in ended.stdout
    assert "safe      1 revision, 2 statements: no hazard was found." in ended.stdout
    assert "CONCURRENTLY" not in ended.stdout  # the table is new: nobody uses it


@pytest.mark.slow
def test_two_heads_are_refused_until_they_are_merged(tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    first = new(folder, "one", "--empty")["revisions"][0]
    (folder / "versions" / "two.py").write_text("revision = 'two'\ndown_revision = None\n")
    for line in (("more",), ("more", "--empty")):
        told = refused(folder, *line, code=66)
        assert "The project has 2 heads" in told
        assert "migrator new --merge" in told
    merged = new(folder, "--merge")["revisions"][0]
    assert {*merged["down_revision"]} == {first["revision"], "two"}
    assert merged["message"].startswith("merge ")
    assert "nothing to merge" in refused(folder, "--merge", code=64)


def test_an_empty_revision_is_for_its_author_to_fill(tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    answer = new(folder, "fill in", "--empty")
    assert answer["verdict"] is None
    assert "    pass\n" in text(folder, answer, 0)


@pytest.mark.parametrize("line", [(), ("--empty",), ("m", "--empty", "--merge")])
def test_a_line_that_says_too_little_or_too_much_is_a_mistake(
    line: tuple[str, ...], tmp_path: Path
) -> None:
    folder = project(tmp_path / "p")
    assert run("new", *line, tree=folder).exit_code == 64
    assert files(folder) == set()


@pytest.mark.slow
def test_env_pys_own_hook_template_and_options_are_kept(tmp_path: Path) -> None:
    hook = """
def count(context, revision, directives):
    head = context.script.get_current_head()
    assert config.cmd_opts.autogenerate
    directives[0].rev_id = f"{int(head or 0) + 1:04}"


def include(thing, name, kind, reflected, compared):
    return name != "teams"


"""
    env_py = ENV.replace("config = context.config\n", hook + "config = context.config\n").replace(
        "target_metadata=Base.metadata",
        "target_metadata=Base.metadata, process_revision_directives=count, include_object=include",
    )
    options = (
        "file_template = %%(year)d_%%(rev)s_%%(slug)s\ntimezone = UTC\n[post_write_hooks]\n"
        "hooks = mark\nmark.type = exec\nmark.executable = sh\n"
        "mark.options = -c \"echo '# marked' >> REVISION_SCRIPT_FILENAME\""
    )
    folder = project(tmp_path / "p", env_py=env_py, options=options)
    (folder / "script.py.mako").write_text("# of the shop\n" + TEMPLATE.read_text())
    answer = new(folder, "first tables")
    assert answer["revisions"][0]["revision"] == "0001"
    assert "_0001_first_tables.py" in answer["revisions"][0]["file"]
    written = text(folder, answer, 0)
    assert written.startswith("# of the shop\n")
    assert written.endswith("# marked\n")
    assert "'users'" in written
    assert "'teams'" not in written
    remodel(folder, FIRST.replace("String(50))", "String(50), index=True)"))
    answer = new(folder, "index names", "-x", "a=b")
    (revision,) = answer["revisions"]
    assert (revision["revision"], revision["message"]) == ("0002", "index names")
    assert answer["verdict"] == "safe"


@pytest.mark.slow
def test_what_is_dropped_is_left_as_it_is_and_found(tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    new(folder, "first tables")
    remodel(folder, FIRST.replace("    nick = sa.Column(sa.String(50), index=True)\n", ""))
    answer = new(folder, "drop nick", code=3)
    assert [each["message"] for each in answer["revisions"]] == [
        "drop nick: drop index ix_users_nick",
        "drop nick",
    ]
    assert (answer["verdict"], answer["findings"]) == ("danger", [])
    assert [each["hazard"] for each in answer["hazards"]] == ["drop-column"]
    assert len(files(folder)) == 3
    for each in answer["revisions"]:
        (folder / each["file"]).unlink()
    assert new(folder, "drop nick", "--max-risk", "danger")["verdict"] == "danger"


def test_a_downgrade_that_leaves_something_is_found_and_the_file_stays(tmp_path: Path) -> None:
    hook = """
def adds(context, revision, directives):
    made = ops.ExecuteSQLOp("CREATE TYPE mood AS ENUM ('glad')")
    directives[0].upgrade_ops.ops.append(made)


config ="""
    env_py = "from alembic.operations import ops\n" + ENV.replace("\nconfig =", hook, 1)
    env_py = env_py.replace("Base.metadata", "Base.metadata, process_revision_directives=adds")
    folder = project(tmp_path / "p", env_py=env_py)
    answer = new(folder, "first tables", code=3)
    (finding,) = answer["findings"]
    assert finding["revision"] == answer["revisions"][0]["revision"]
    assert 'type "mood" already exists' in finding["message"]
    assert len(files(folder)) == 1


def test_a_hook_that_fails_leaves_no_file(tmp_path: Path) -> None:
    options = (
        "[post_write_hooks]\nhooks = nobody\nnobody.type = console_scripts\n"
        "nobody.entrypoint = nobody_has_it"
    )
    folder = project(tmp_path / "p", options=options)
    assert "nobody_has_it" in refused(folder, "first tables", code=66)
    assert files(folder) == set()


def test_a_name_that_is_taken_is_not_written_over(tmp_path: Path) -> None:
    folder = project(tmp_path / "p", options="file_template = %%(slug)s")
    kept = text(folder, new(folder, "a change", "--empty"), 0)
    assert "%(rev)s" in refused(folder, "a change", "--empty", code=66)
    assert (folder / "versions/a_change.py").read_text() == kept


def test_a_signal_in_the_midst_of_the_proof_leaves_no_file(tmp_path: Path) -> None:
    slow = "    with context.begin_transaction():\n"
    waits = slow + (
        "        if context.script.get_current_head():\n"
        "            open('there', 'w').close()\n"
        "            connection.exec_driver_sql('SELECT pg_sleep(600)')\n"
    )
    env_py = ENV.replace(slow, waits)
    folder = project(tmp_path / "p", env_py=env_py)
    process = start("new", "first tables", "--json", tree=folder)
    eventually((folder / "there").exists)
    assert len(files(folder)) == 1
    process.kill(signal.SIGTERM)
    ended = process.end()
    assert ended.exit_code == 143, ended.output
    assert files(folder) == set()


@pytest.mark.slow
def test_a_database_is_compared_with_where_it_is_named_and_only_read(
    tmp_path: Path, database: Database
) -> None:
    writes = "if os.environ.get('WRITES'):\n    with engine.begin() as early:\n"
    writes += "        early.exec_driver_sql('CREATE TABLE theirs ()')\n\nwith engine.connect()"
    env_py = "import os\n" + ENV.replace("with engine.connect()", writes)
    folder = project(tmp_path / "p", env_py=env_py)
    new(folder, "first tables", DATABASE_URL="postgresql://nobody@localhost:1/their_own")
    assert "migrator run" in refused(folder, "more", code=76, url=database.url)
    assert database.tables() == set()
    assert run("run", tree=folder, url=database.url).exit_code == 0
    database.rows("ALTER TABLE users ADD by_hand int")
    told = refused(folder, "more", code=66, url=database.url, WRITES="1")
    assert "read-only transaction" in told
    assert "theirs" not in database.tables()

    answer = new(folder, "drift", "--max-risk", "danger", url=database.url, code=3)
    assert "by_hand" in answer["findings"][0]["message"]  # what the revisions do not make
    assert database.revisions() == answer["revisions"][0]["down_revision"]


@pytest.mark.slow
def test_flask_migrate_has_it_too(tmp_path: Path) -> None:
    flask = shutil.copytree(TREES / "flask_app", tmp_path / "f")
    (flask / "migrations/script.py.mako").write_bytes(TEMPLATE.read_bytes())
    with (flask / "app.py").open("a") as app:
        app.write("\n\nclass Note(db.Model):\n    id = db.Column(db.Integer, primary_key=True)\n")
    ended = run("new", "notes", "--json", "--max-risk", "danger", tree=flask)
    assert ended.exit_code == 0, ended.output
    answer = json.loads(ended.stdout)
    assert [each["hazard"] for each in answer["hazards"]] == ["drop-table", "drop-table"]
    written = answer["revisions"][0]
    assert "create_table('note'" in (flask / written["file"]).read_text()


@pytest.mark.slow
def test_an_async_env_py_has_it_too(tmp_path: Path) -> None:
    env_py = (TREES / "async_env/env.py").read_text()
    env_py = env_py.replace("import asyncio\n", "import asyncio\nfrom shop.models import Base\n")
    env_py = env_py.replace("target_metadata=None", "target_metadata=Base.metadata")
    url = "sqlalchemy.url = postgresql+asyncpg://nobody@localhost/nothing"
    folder = project(tmp_path / "p", env_py=env_py, options=url)
    new(folder, "first tables")
    remodel(folder, FIRST.replace("String(50))", "String(50), index=True)"))
    assert new(folder, "index names")["revisions"][0]["changes"][0]["name"] == "ix_users_name"
