"""What Python has kept compiled is what it would run, whatever the source says."""

from __future__ import annotations

import os
import py_compile
import sys
from importlib.util import cache_from_source
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.outline.project import REVISION, found, proven, template, write

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.servers import Database

Mode = py_compile.PycInvalidationMode
PARENT = REVISION.format(id="r2", parent="r1")
OTHER = PARENT.replace("'r2'", "'x2'")
RAISES = f"{PARENT}\n1 / 0\n"
assert len(OTHER) == len(PARENT)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give the second revision of a project of Alembic's template."""
    env, ini = template("generic", "env.py"), template("generic", "alembic.ini.mako")
    write(tmp_path, {"db/env.py": env, "alembic.ini": ini})
    return tmp_path / "db/versions/r2_.py"


def heads(file: Path, database: Database) -> tuple[str | None, str | None]:
    """Give the head that is proven, and the one that the full path finds."""
    outline = proven(file.parents[2], database.url)
    plan = found(file.parents[2], database.url)
    return outline.head if outline else None, plan.destination[0] if plan else None


def keep(file: Path, text: str, mode: Mode = Mode.TIMESTAMP) -> None:
    """Keep a text compiled as if it were the file's, and leave the file as it is."""
    before, times = file.read_text(), (file.stat().st_atime, file.stat().st_mtime)
    file.write_text(text)
    os.utime(file, times)
    py_compile.compile(str(file), doraise=True, invalidation_mode=mode)
    file.write_text(before)
    os.utime(file, times)


def test_what_is_kept_of_the_same_source_is_taken(file: Path, database: Database) -> None:
    for each in file.parent.iterdir():
        py_compile.compile(str(each))
    py_compile.compile(str(file.parents[1] / "env.py"))
    assert heads(file, database) == ("r2", "r2")


@pytest.mark.parametrize("mode", Mode)
def test_what_is_kept_of_a_source_that_has_changed_is_not_taken_for_it(
    file: Path, mode: Mode, database: Database
) -> None:
    keep(file, RAISES, mode)
    known, right = heads(file, database)
    assert right == (None if mode is Mode.UNCHECKED_HASH else "r2")
    assert known == right


def test_what_is_kept_is_what_counts_where_python_cannot_tell_it_from_the_source(
    file: Path, database: Database
) -> None:
    keep(file, OTHER)
    assert heads(file, database) in {(None, "x2"), ("x2", "x2")}


@pytest.mark.parametrize("mode", [Mode.TIMESTAMP, Mode.UNCHECKED_HASH])
def test_an_env_py_that_is_kept_of_another_source_is_doubted(
    file: Path, mode: Mode, database: Database
) -> None:
    env_py = file.parents[1] / "env.py"
    keep(env_py, env_py.read_text().replace("connection=c", "connection=C"), mode)
    assert heads(file, database) == (None, None)


def _cut(kept: Path) -> None:
    kept.write_bytes(kept.read_bytes()[:20])


def _no_code(kept: Path) -> None:
    kept.write_bytes(kept.read_bytes()[:16] + b"N")


def _another_python(kept: Path) -> None:
    kept.write_bytes(b"\0" * 16)


@pytest.mark.parametrize("spoil", [_cut, _no_code, _another_python])
def test_what_is_kept_and_is_spoilt_spoils_the_full_path_too(
    file: Path, spoil: Callable[[Path], None], database: Database
) -> None:
    py_compile.compile(str(file), doraise=True)
    spoil(Path(cache_from_source(str(file))))
    known, right = heads(file, database)
    assert known == right == ("r2" if spoil is _another_python else None)


def test_what_is_kept_elsewhere_is_doubted(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "pycache_prefix", str(file.parent))
    assert proven(file.parents[2], "postgresql://u@h/d") is None


def test_nothing_is_kept_by_reading(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    kept = Path(cache_from_source(str(file)))
    kept.parent.mkdir()
    kept.write_bytes(b"")
    assert proven(file.parents[2], "postgresql://u@h/d") is not None
    assert [each.name for each in kept.parent.iterdir()] == [kept.name]
    assert kept.read_bytes() == b""
