"""The tutorial, word for word: from models to a first safe deploy, and a change under traffic."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.docs.markdown import page
from tests.support import backups

if TYPE_CHECKING:
    from tests.docs.markdown import Block
    from tests.support.servers import Database

pytestmark = pytest.mark.slow

PAGE = page("docs/tutorials/first-safe-deploy.md")
ELSEWHERE = ("docker run", "python3 -m venv", "source ", "pip install", "export DATABASE_URL=")
"""What prepares a machine, which is prepared here."""
REFUSED = 79


class Follower:
    """Does what the page says, in a folder, with a database."""

    def __init__(self, folder: Path, database: Database) -> None:
        """Have these."""
        self.folder, self.said = folder, ""
        path = os.pathsep.join((str(Path(sys.executable).parent), backups.path(backups.EMBEDDED)))
        self.shell = subprocess.Popen(
            ["/bin/bash"],
            cwd=folder,
            env={"PATH": path, "HOME": str(folder), "DATABASE_URL": database.url},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def follow(self, block: Block) -> None:
        """Do one block."""
        if block.language == "python":
            self._write(block.text)
        elif block.language == "diff":
            self._edit(block.text)
        elif block.language == "sh":
            for line in block.text.splitlines():
                if not line.startswith(ELSEWHERE):
                    self._type(line)

    def end(self) -> None:
        """Let the shell end, and what it has started."""
        assert self.shell.stdin
        self.shell.stdin.close()
        self.shell.wait(60)

    def _write(self, text: str) -> None:
        path = self.folder / text.splitlines()[0].removeprefix("# ")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def _edit(self, text: str) -> None:
        sides = {
            sign: "".join(f"{line[1:]}\n" for line in text.splitlines() if line[0] == sign)
            for sign in "-+"
        }
        [path] = [
            path
            for path in (self.folder / "models.py", self.folder / "alembic/env.py")
            if path.exists() and sides["-"] in path.read_text()
        ]
        path.write_text(path.read_text().replace(sides["-"], sides["+"]))

    def _type(self, line: str) -> None:
        """Type a line, and wait for its end; only what is meant to be refused may be."""
        assert self.shell.stdin
        assert self.shell.stdout
        self.shell.stdin.write(f"{line}\necho ended=$?\n")
        self.shell.stdin.flush()
        said = []
        for heard in self.shell.stdout:
            said.append(heard)
            if found := re.match(r"ended=(\d+)\n", heard):
                break
        else:
            pytest.fail(f"the shell has ended at {line}")
        self.said += f"$ {line}\n{''.join(said)}"
        refusable = line == "migrator run" and f"ended={REFUSED}" not in self.said[: -len(heard)]
        assert int(found[1]) in ({0, REFUSED} if refusable else {0}), self.said


def test_the_tutorial_leads_to_a_first_safe_deploy(database: Database, tmp_path: Path) -> None:
    follower = Follower(tmp_path, database)
    try:
        for block in PAGE.blocks:
            follower.follow(block)
    finally:
        (tmp_path / "stop").touch()
        follower.end()
    said = follower.said
    assert said.count("ended=79\n") == 1
    assert "migrator backfill customers_email" in said.partition("ended=79\n")[0]
    assert re.search(r"^\d+ orders, the slowest took \d+\.\d\d s$", said, re.MULTILINE)
    assert "danger" not in said
    assert "caution" not in said
    assert database.rows("SELECT DISTINCT name, email FROM customers") == [
        ("Ada", "ada@example.org")
    ]
    [(nullable,)] = database.rows(
        "SELECT is_nullable FROM information_schema.columns WHERE column_name = 'email'"
    )
    assert nullable == "NO"
    assert database.rows("SELECT count(*) FROM pg_indexes WHERE indexname LIKE 'ix_orders%%'")[0][0]
