"""`migrator watch`: revisions follow the models, and the local database follows them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.develop.models import FIRST, files, new, project, remodel
from tests.support.command import eventually, run, start

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Ended
    from tests.support.servers import Database

NICK = "    nick = sa.Column(sa.String(50), index=True)\n"
EMAIL = NICK + "    email = sa.Column(sa.Text)\n"
WITH_EMAIL = FIRST.replace(NICK, EMAIL)
COLUMNS = "SELECT column_name FROM information_schema.columns WHERE table_name = 'users'"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a project with models and no revision."""
    return project(tmp_path / "p")


def once(folder: Path, database: Database, code: int = 0, **env: str) -> Ended:
    ended = run("watch", "--once", tree=folder, url=database.url, **env)
    assert ended.exit_code == code, ended.output
    return ended


def columns(database: Database) -> set[str]:
    return {name for (name,) in database.rows(COLUMNS)}


def git(folder: Path, *line: str) -> None:
    who = {f"GIT_{role}_NAME": "shop" for role in ("AUTHOR", "COMMITTER")}
    who |= {f"GIT_{role}_EMAIL": "shop@example.org" for role in ("AUTHOR", "COMMITTER")}
    command = [str(shutil.which("git")), *line]
    subprocess.run(command, cwd=folder, env={**os.environ, **who}, check=True)


def test_the_database_has_what_the_models_say_and_then_nothing_is_to_do(
    folder: Path, database: Database
) -> None:
    told = once(folder, database).stdout
    (file,) = files(folder)
    assert file.endswith("_add_table_teams_and_2_more.py")
    assert told.startswith(f"Wrote versions/{file} (safe). Applied ")
    assert told.count("\n") == 1
    assert database.tables() >= {"teams", "users"}
    told = once(folder, database).stdout
    assert told.startswith("The models ask for nothing.")
    assert told.endswith(" is at head.\n")
    assert files(folder) == {file}


@pytest.mark.slow
def test_a_further_change_makes_its_own_revision_anew(folder: Path, database: Database) -> None:
    new(folder, "first tables")
    (first,) = files(folder)
    remodel(folder, WITH_EMAIL)
    once(folder, database)
    database.rows("INSERT INTO users (name, email) VALUES ('Ada', 'ada@example.org')")
    remodel(folder, WITH_EMAIL.replace("email", "mail"))
    told = once(folder, database).stdout
    assert told.startswith("Wrote anew versions/")
    (own,) = files(folder) - {first}
    assert own.endswith("_add_column_users_mail.py")
    assert columns(database) == {"id", "name", "team_id", "nick", "mail"}
    assert database.rows("SELECT name, mail FROM users") == [("Ada", None)]
    assert database.revisions() == [own.partition("_")[0]]


@pytest.mark.slow
def test_a_revision_that_the_database_never_had_is_made_anew(
    folder: Path, database: Database
) -> None:
    new(folder, "first tables")
    remodel(folder, WITH_EMAIL)
    once(folder, database)
    assert run("rollback", "--to", "base", "--yes", tree=folder, url=database.url).exit_code == 0
    remodel(folder, WITH_EMAIL.replace("email", "mail"))
    assert once(folder, database).stdout.startswith("Wrote anew versions/")
    assert len(files(folder)) == 2
    assert "mail" in columns(database)


@pytest.mark.slow
def test_a_change_that_is_taken_back_leaves_no_revision(folder: Path, database: Database) -> None:
    new(folder, "first tables")
    before = files(folder)
    remodel(folder, WITH_EMAIL)
    once(folder, database)
    remodel(folder, FIRST)
    told = once(folder, database).stdout
    assert told.startswith("The models ask for nothing any more: versions/")
    assert files(folder) == before
    assert "email" not in columns(database)


@pytest.mark.slow
def test_what_somebody_edited_is_not_made_anew(folder: Path, database: Database) -> None:
    once(folder, database)
    (file,) = files(folder)
    path = folder / "versions" / file
    path.write_text("# Makes the shop.\n" + path.read_text())
    remodel(folder, WITH_EMAIL)
    assert once(folder, database).stdout.startswith("Wrote versions/")
    assert path.read_text().startswith("# Makes the shop.\n")
    assert len(files(folder)) == 2
    assert "email" in columns(database)


@pytest.mark.slow
def test_what_git_has_is_not_made_anew(folder: Path, database: Database) -> None:
    git(folder, "init", "--quiet")
    once(folder, database)
    (committed,) = files(folder)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "The shop.")
    remodel(folder, WITH_EMAIL)
    once(folder, database)
    (own,) = files(folder) - {committed}
    remodel(folder, WITH_EMAIL.replace("email", "mail"))
    once(folder, database)
    assert committed in files(folder)
    assert own not in files(folder)
    assert len(files(folder)) == 2


@pytest.mark.slow
def test_a_table_that_holds_rows_stays_and_another_revision_follows(
    folder: Path, database: Database
) -> None:
    once(folder, database)
    before = files(folder)
    database.rows("INSERT INTO users (name) VALUES ('Ada')")
    remodel(folder, WITH_EMAIL)
    told = once(folder, database).stdout
    assert "What was there stays:" in told
    assert files(folder) > before
    assert database.rows("SELECT name, email FROM users") == [("Ada", None)]


@pytest.mark.slow
def test_a_hazard_is_named_and_applied_to_the_local_database(
    folder: Path, database: Database
) -> None:
    new(folder, "first tables")
    once(folder, database)
    remodel(folder, FIRST.replace(NICK, ""))
    assert "drop-column" in once(folder, database, code=3).stdout
    assert "nick" not in columns(database)


@pytest.mark.slow
def test_a_revision_with_a_finding_is_written_and_not_applied(
    folder: Path, database: Database
) -> None:
    template = folder / "script.py.mako"
    template.write_text(
        template.read_text().replace('${downgrades if downgrades else "pass"}', "pass")
    )
    told = once(folder, database, code=3).stdout
    assert "Not applied: cannot be taken back" in told
    assert len(files(folder)) == 1
    assert "users" not in database.tables()


@pytest.mark.slow
def test_what_cannot_be_written_leaves_the_revision_that_was_there(
    folder: Path, database: Database
) -> None:
    new(folder, "first tables")
    remodel(folder, WITH_EMAIL)
    once(folder, database)
    before, template = files(folder), folder / "script.py.mako"
    remodel(folder, WITH_EMAIL.replace("email", "mail"))
    good = template.read_text()
    template.write_text("<% raise RuntimeError('no paper') %>" + good)
    assert "Template rendering failed" in once(folder, database, code=66).stderr
    assert files(folder) == before
    template.write_text(good)
    assert once(folder, database).stdout.startswith("Wrote anew versions/")
    assert len(files(folder)) == len(before)
    assert "mail" in columns(database)


@pytest.mark.slow
def test_models_that_cannot_be_loaded_change_nothing(folder: Path, database: Database) -> None:
    new(folder, "first tables")
    remodel(folder, WITH_EMAIL)
    once(folder, database)
    before, at = files(folder), database.revisions()
    remodel(folder, WITH_EMAIL + "\nUser(")
    assert "SyntaxError" in once(folder, database, code=66).stderr
    assert (files(folder), database.revisions()) == (before, at)


@pytest.mark.slow
def test_a_database_of_other_code_is_left_alone(folder: Path, database: Database) -> None:
    once(folder, database)
    database.rows("UPDATE alembic_version SET version_num = 'unheard_of'")
    before = files(folder)
    remodel(folder, WITH_EMAIL)
    assert "migrator reset" in once(folder, database, code=76).stderr
    assert files(folder) == before


@pytest.mark.parametrize(
    ("line", "env", "told"),
    [
        ((), {}, "--not-local db.shop.example"),
        (("--not-local", "another.example"), {}, "--not-local db.shop.example"),
        (("--not-local", "db.shop.example"), {"APP_ENV": "production"}, "APP_ENV=production"),
    ],
)
def test_only_a_local_database_is_worked_on_and_none_in_production(
    line: tuple[str, ...], env: dict[str, str], told: str, folder: Path
) -> None:
    url = "postgresql://shop@db.shop.example/shop"
    for way in ((), ("--once",)):
        ended = run("watch", *way, *line, tree=folder, url=url, **env)
        assert ended.exit_code == 64, ended.output
        assert told in ended.stderr
    assert files(folder) == set()


def test_it_follows_the_files_until_a_signal_comes(folder: Path, database: Database) -> None:
    watching = start("watch", tree=folder, url=database.url)
    eventually(lambda: "users" in database.tables())
    remodel(folder, WITH_EMAIL)
    eventually(lambda: "email" in columns(database))
    watching.kill(signal.SIGTERM)
    ended = watching.end()
    assert ended.exit_code == 143, ended.output
    assert len(files(folder)) == 1
    first, *_ = ended.stdout.splitlines()
    assert " Wrote versions/" in first


def test_without_what_follows_files_it_ends_with_78_and_says_what_to_install(
    folder: Path, database: Database, tmp_path: Path
) -> None:
    (tmp_path / "watchfiles.py").write_text("raise ImportError")
    ended = run("watch", tree=folder, url=database.url, PYTHONPATH=str(tmp_path))
    assert ended.exit_code == 78
    assert "extra `watch`" in ended.stderr
