"""In the application: the code of docs/how-to/in-the-app.md, with the frameworks it is for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import create_engine

import migrator
from migrator.asgi import Migrations
from migrator.database.lock.lock import keys_for
from migrator.database.version_table import VersionTable
from tests.docs.markdown import page
from tests.support.command import TREES, eventually, run
from tests.support.servers import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database

PLAIN, FASTAPI, FLASK = (
    block.text for block in page("docs/how-to/in-the-app.md").blocks if block.language == "python"
)
TOKEN = "a-token-of-the-shop"  # noqa: S105 - of the test alone
KNOWN = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture(autouse=True)
def shop(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand where the application does: in its folder, with its variables."""
    monkeypatch.chdir(TREES / "per_revision")
    monkeypatch.setenv("SHOP_DATABASE_URL", database.url)
    monkeypatch.setenv("SHOP_MIGRATIONS_TOKEN", TOKEN)


def names_of(code: str) -> dict[str, Any]:
    """Run the code of a page, and give what it defines."""
    names: dict[str, Any] = {"__name__": "shop"}
    exec(compile(code, "in-the-app.md", "exec"), names)  # noqa: S102 - it is our own page
    return names


def migrate(database: Database, *arguments: str, tree: str | Path = "per_revision") -> None:
    assert run("run", *arguments, tree=tree, url=database.url).exit_code == 0


# Plain Python


def python(code: str, tree: str = "per_revision", **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=TREES / tree,
        env={"PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_plain_python_opens_at_head_and_not_before(database: Database) -> None:
    ended = python(PLAIN, SHOP_DATABASE_URL=database.url)
    assert (ended.returncode, ended.stdout) == (76, "")
    assert ended.stderr == "The database is empty, 3 revisions short of r3.\n"
    assert database.tables() == set()
    migrate(database)
    ended = python(PLAIN, SHOP_DATABASE_URL=database.url)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "shop is open\n", "")


UNDISTURBED = """
import logging, os, signal, sys, migrator
if os.environ.pop("FIRST", None):
    from alembic.config import Config
    migrator.run(Config("alembic.ini"), database_url=os.environ["SHOP_DATABASE_URL"])
print("ASKING", flush=True)
logger = logging.getLogger("shop")
def seen():
    handlers = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGUSR2)
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    logs = logger.disabled, list(logging.root.handlers), logging.root.level
    return handlers, blocked, logs, dict(os.environ), sys.stdout, os.getcwd(), list(sys.path)
before, loaded = seen(), "alembic" in sys.modules
assert migrator.status(os.environ["SHOP_DATABASE_URL"]).state == "at_head"
assert seen() == before
assert ("alembic" in sys.modules) == loaded
"""


@pytest.mark.parametrize("first", ["", "a run of this process"])
@pytest.mark.parametrize("tree", ["per_revision", "disables_loggers", "prints_and_logs"])
def test_the_application_is_not_disturbed(tree: str, first: str, database: Database) -> None:
    """The files tell of the first project; env.py of the others configures the logging, prints."""
    if not first:
        migrate(database, tree=tree)
    ended = python(UNDISTURBED, tree, SHOP_DATABASE_URL=database.url, FIRST=first)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.partition("ASKING\n")[2] == ""
    assert first or ended.stderr == ""


ASKS_TWICE = """
import sys, migrator
assert migrator.status(sys.argv[1]).state == "at_head"
sys.executable = "/nowhere/python"
assert migrator.status(sys.argv[1]).state == "at_head"
"""


def test_env_py_is_run_once_and_then_the_ledger_answers(database: Database) -> None:
    """Without a locale of its own, a process of Python is in UTF-8 mode, and its child is not."""
    migrate(database, tree="prints_and_logs")
    ended = subprocess.run(
        [sys.executable, "-c", ASKS_TWICE, database.url],
        cwd=TREES / "prints_and_logs",
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr


def test_where_only_env_py_can_tell_the_answer_is_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrate(database, "--target", "r2")
    found = migrator.status(database.url)
    ended = run("status", "--json", tree="per_revision", url=database.url)
    assert json.loads(json.dumps(found.fields())) == json.loads(ended.stdout)
    assert str(found).startswith(
        "behind    The database is at r2, 1 revision short of r3.\npending"
    )

    monkeypatch.chdir(TREES / "gap")
    with pytest.raises(migrator.MigratorError, match="The history has a gap") as caught:
        migrator.status(database.url)
    assert (caught.value.exit_code, caught.value.kind) == (66, "project")


def test_an_engine_or_its_url_is_as_good_as_a_url(database: Database) -> None:
    migrate(database)
    engine = create_engine(database.url)
    for target in (engine, engine.url, database.url):
        assert migrator.require_head(target).current == ("r3",)
    config = str(TREES / "plain" / "alembic.ini")
    assert migrator.require_head(engine, config=config).head == ("r3",)


def test_what_is_wrong_is_an_error_of_ours(database: Database) -> None:
    with pytest.raises(migrator.MigratorError, match="conect_timeout is not a setting: did you"):
        migrator.status(database.url, conect_timeout="1s")
    nobody = f"postgresql://nobody:hunter2-secret@127.0.0.1:{free_port()}/nothing"
    with pytest.raises(migrator.MigratorError, match="could not be reached") as caught:
        migrator.require_head(nobody, connect_timeout="1s")
    assert caught.value.exit_code == 69
    assert "hunter2" not in str(caught.value)
    with pytest.raises(migrator.NotAtHeadError) as behind:
        migrator.require_head(database.url)
    assert behind.value.exit_code == 76


def test_ahead_is_good_enough_only_where_that_is_accepted(database: Database) -> None:
    migrate(database)
    database.rows("UPDATE alembic_version SET version_num = 'r4'")
    with pytest.raises(migrator.NotAtHeadError, match="at r4, which this code, whose head is r3"):
        migrator.require_head(database.url)
    assert migrator.require_head(database.url, on_db_ahead="ok").state == "ahead"
    database.rows("DROP SCHEMA migrator CASCADE")
    with pytest.raises(migrator.NotAtHeadError):
        migrator.require_head(database.url, on_db_ahead="ok")


def test_threads_may_ask_at_once(database: Database) -> None:
    migrate(database)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(migrator.status, [database.url] * 16))
    assert {one.state for one in found} == {"at_head"}


# FastAPI, and the ASGI application


@pytest.fixture
def asynchronous(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the application use an asynchronous driver."""
    url = database.url.replace("postgresql://", "postgresql+asyncpg://", 1)
    monkeypatch.setenv("SHOP_DATABASE_URL", url)


@pytest.mark.usefixtures("asynchronous")
def test_fastapi_starts_at_head_and_not_before(database: Database) -> None:
    app = names_of(FASTAPI)["app"]
    with pytest.raises(migrator.NotAtHeadError, match="empty"), TestClient(app):
        pass
    migrate(database)
    with TestClient(app) as client:
        answer = client.get("/migrations")
        assert answer.status_code == 200
        expected = json.loads(run("status", "--json", tree="per_revision", url=database.url).stdout)
        assert answer.json() == expected
        assert client.get("/migrations/").json() == expected
        assert client.get("/migrations/more").status_code == 404


@pytest.mark.usefixtures("asynchronous")
def test_fastapi_runs_a_failed_one_again_for_who_knows_the_token(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil  # noqa: PLC0415 - here only

    folder = shutil.copytree(TREES / "fails_second_per_revision", tmp_path / "tree")
    monkeypatch.chdir(folder)
    assert run(tree=folder, url=database.url).exit_code == 65
    r2 = folder / "versions" / "r2.py"
    r2.write_text(r2.read_text().replace("nickname", "email"))
    client = TestClient(names_of(FASTAPI)["app"])
    answer = client.get("/migrations")
    assert (answer.status_code, answer.json()["state"]) == (503, "behind")
    assert answer.json()["last_run"]["failed"] == "r2"

    for headers in ({}, {"authorization": f"Basic {TOKEN}"}, {"authorization": "Bearer other"}):
        refused = client.post("/migrations", headers=headers)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
    assert database.revisions() == ["r1"]

    assert client.post("/migrations", headers=KNOWN).status_code == 202
    eventually(lambda: client.get("/migrations").status_code == 200)
    assert database.revisions() == ["r3"]
    assert client.get("/migrations").json()["last_run"]["outcome"] == "migrated"


def test_it_runs_behind_the_same_lock_and_one_at_a_time(database: Database) -> None:
    client = TestClient(Migrations(database.url, token=TOKEN))
    with database.connect() as other:
        other.autocommit = False
        keys = keys_for([VersionTable(None, "alembic_version")])
        other.cursor().execute("SELECT pg_advisory_xact_lock(%s)", keys)
        assert client.post("/migrations", headers=KNOWN).status_code == 202
        assert client.post("/migrations", headers=KNOWN).status_code == 409
        assert database.tables() == set()
        other.rollback()
    eventually(lambda: database.revisions() == ["r3"])


def test_a_run_ends_with_the_application_that_started_it(database: Database) -> None:
    code = (
        "import os, time\nfrom starlette.testclient import TestClient\n"
        "from migrator.asgi import Migrations\n"
        f"app = Migrations(os.environ['SHOP_DATABASE_URL'], token='{TOKEN}')\n"
        f"assert TestClient(app).post('/', headers={KNOWN}).status_code == 202\n"
        "time.sleep(4)\n"
    )
    with database.connect() as other:
        other.autocommit = False
        keys = keys_for([VersionTable(None, "alembic_version")])
        other.cursor().execute("SELECT pg_advisory_xact_lock(%s)", keys)
        ended = python(code, SHOP_DATABASE_URL=database.url)
        other.rollback()
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stderr.splitlines()[-1])["exit_code"] == 143
    assert ended.stdout == ""
    assert database.tables() == set()


def test_without_a_token_there_is_no_post(database: Database) -> None:
    answer = TestClient(Migrations(database.url)).post("/migrations", headers=KNOWN)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert database.tables() == set()


def test_a_token_that_got_lost_is_refused(database: Database) -> None:
    with pytest.raises(migrator.MigratorError, match="shorter than 16"):
        Migrations(database.url, token="")


def test_a_browser_gets_a_page(database: Database) -> None:
    database.rows("""CREATE TABLE alembic_version AS SELECT '<b>r9</b>' AS version_num""")
    client = TestClient(Migrations(database.url))
    browser = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    answer = client.get("/migrations", headers=browser)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<h1>ahead</h1>" in answer.text
    assert "The database is at &lt;b&gt;r9&lt;/b&gt;," in answer.text
    assert client.get("/migrations", headers={"accept": "*/*"}).json()["state"] == "ahead"
    assert client.head("/migrations").status_code == 503


def test_a_database_that_is_not_there_is_503_with_the_error_and_no_password() -> None:
    nobody = f"postgresql://nobody:hunter2-secret@127.0.0.1:{free_port()}/nothing"
    answer = TestClient(Migrations(nobody, connect_timeout="1s")).get("/migrations")
    assert answer.status_code == 503
    assert answer.json()["error"]["kind"] == "unreachable"
    assert "hunter2" not in answer.text


def test_many_who_ask_are_one_look(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(database)
    app = Migrations(database.url)
    monkeypatch.setattr("migrator.asgi._FRESH_FOR_S", 60)
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: TestClient(app).get("/").status_code, range(32)))
    assert set(codes) == {200}
    database.rows("UPDATE alembic_version SET version_num = 'r2'")
    assert TestClient(app).get("/").status_code == 200
    monkeypatch.setattr("migrator.asgi._FRESH_FOR_S", 0)
    assert TestClient(app).get("/").status_code == 503


def test_alone_it_says_to_the_server_that_it_is_there(database: Database) -> None:
    migrate(database)
    with TestClient(Migrations(database.url)) as client:
        assert client.get("/").status_code == 200
        assert client.put("/").status_code == 405


# Flask


def test_flask_starts_at_head_and_shows_it(database: Database) -> None:
    create_app = names_of(FLASK)["create_app"]
    with pytest.raises(migrator.NotAtHeadError, match="empty"):
        create_app()
    migrate(database)
    client = create_app().test_client()
    answer = client.get("/migrations")
    assert (answer.status_code, answer.json["state"]) == (200, "at_head")
    database.rows("UPDATE alembic_version SET version_num = 'r2'")
    answer = client.get("/migrations")
    assert (answer.status_code, answer.json["state"]) == (503, "behind")
