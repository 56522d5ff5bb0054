"""Small projects with a suite of their own, and pytest run in them as their authors would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.plan.releases import ENV, project, revise

if TYPE_CHECKING:
    from pathlib import Path

MODELS = """
import os, pathlib
from sqlalchemy import Column, Integer, MetaData, String, Table

with pathlib.Path(__file__).with_name("visits").open("a") as visits:
    print(os.getpid(), file=visits)

metadata = MetaData()
accounts = Table(
    "accounts", metadata, Column("id", Integer, primary_key=True), Column("email", String(80))
)
"""
CREATE = """
op.create_table(
    "accounts", sa.Column("id", sa.Integer, primary_key=True), sa.Column("email", sa.String(80))
)
"""
STANDARD = "from migrator.testing import *\n"


def sound(folder: Path, models: str = MODELS) -> Path:
    """Make a project with which nothing is wrong, its ini file for pytest beside it."""
    configured = "transaction_per_migration"
    env_py = ENV.replace(configured, f"target_metadata=metadata, {configured}")
    env_py = env_py.replace("engine = ", 'engine = config.attributes.get("connection") or ')
    project(folder, models + env_py)
    revise(folder, CREATE, "op.drop_table('accounts')")
    (folder / "pytest.ini").write_text("[pytest]\n")
    return folder


def pytest_in(
    folder: Path, *line: str, server: str | None = None, **env: str
) -> tuple[int, str, dict[str, int]]:
    """Run pytest in a folder; gives the exit code, what it said, and how many ended how."""
    where = (f"--migrator-server={server}",) if server else ()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "MIGRATOR", "TEST"))}
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no"),
            *(f"--basetemp={folder / 'tmp'}", *where, *line),
        ],
        cwd=folder,
        env={**kept, "PYTHONDONTWRITEBYTECODE": "1", **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    told = ended.stdout + ended.stderr
    last = ended.stdout.rstrip().rpartition("\n")[2]
    counts = {word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", last)}
    return ended.returncode, told, counts
