"""The page "Fill a column outside the release", followed word for word."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.backfill.projects import fill
from tests.docs.markdown import page
from tests.plan.releases import project
from tests.support.command import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database

pytestmark = pytest.mark.slow

PAGE = page("docs/how-to/backfill.md")
USERS = '''
"""Create users."""
from alembic import op

revision = "users"
down_revision = None


def upgrade():
    op.execute("CREATE TABLE users (id bigserial PRIMARY KEY, mail text)")
'''
LINES = "CREATE TABLE lines (tenant text, n int, price int, cents int, PRIMARY KEY (tenant, n))"


def files() -> dict[str, str]:
    """Give the files of the page by their paths."""
    found = re.findall(r"<!-- file: (\S+) -->\n```python\n(.*?)```", PAGE.text, re.DOTALL)
    return dict(found)


def snippets() -> list[str]:
    """Give the further backfills of the page."""
    indented = re.findall(r"^  ```python\n(.*?)^  ```$", PAGE.text, re.DOTALL | re.MULTILINE)
    return [re.sub(r"^  ", "", one, flags=re.MULTILINE) for one in indented]


def commands() -> list[list[str]]:
    """Give the arguments of the page's command lines, in their order."""
    blocks = [block.text for block in PAGE.blocks if block.language == "console"]
    return [shlex.split(line)[1:] for line in "".join(blocks).splitlines()]


def test_the_page_leads_from_an_old_column_to_a_new_one(database: Database, tmp_path: Path) -> None:
    folder = project(tmp_path / "project")
    (folder / "backfills").mkdir()
    (folder / "versions" / "users.py").write_text(USERS)
    assert run("run", tree=folder, url=database.url).exit_code == 0
    database.rows("INSERT INTO users (mail) SELECT 'User' || n FROM generate_series(1, 500) AS n")
    for name, text in files().items():
        (folder / name).write_text(text)

    (folder / "versions" / "users_email_required.py").rename(tmp_path / "later.py")
    assert run("run", tree=folder, url=database.url).exit_code == 0
    (tmp_path / "later.py").rename(folder / "versions" / "users_email_required.py")
    assert run("run", tree=folder, url=database.url).exit_code == 79
    assert [line[0] for line in commands()] == ["backfill", "backfill", "run"]
    for line in commands():
        ended = run(*line, tree=folder, url=database.url)
        assert ended.exit_code == 0, ended.output
    assert database.revisions() == ["users_email_required"]
    assert database.rows("SELECT count(*) FROM users WHERE email = lower(mail)") == [(500,)]


def test_the_other_backfills_of_the_page_work(database: Database, tmp_path: Path) -> None:
    folder = project(tmp_path / "project")
    (folder / "backfills").mkdir()
    database.rows(LINES)
    database.rows("INSERT INTO lines VALUES ('a', 1, 3), ('a', 2, 4), ('b', 1, 5)")
    database.rows("CREATE TABLE users (id int PRIMARY KEY, mail text, email text)")
    database.rows("INSERT INTO users (id, mail) VALUES (1, ' A@b.C '), (2, 'x')")
    for text in snippets():
        (folder / "backfills" / "users_email.py").write_text(text)
        ended = fill(folder, database)
        assert ended.exit_code == 0, ended.output
    assert database.rows("SELECT cents FROM lines ORDER BY 1") == [(300,), (400,), (500,)]
    assert database.rows("SELECT email FROM users ORDER BY id") == [("a@b.c",), ("x",)]
