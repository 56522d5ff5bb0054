"""Random histories: where their files prove a head, Alembic finds the same; ordinary ones do."""

from __future__ import annotations

import py_compile
import re
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from alembic.script import ScriptDirectory
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.database.version_table import VersionTable
from migrator.outline import history, versions
from migrator.project import revisions

if TYPE_CHECKING:
    from collections.abc import Callable

    Edit = Callable[[str], str]

BODY = '''

def upgrade() -> None:
    """Add it."""
    op.execute("""
CREATE TABLE shop (id int)
""")


def downgrade() -> None:
    """Take it away."""
    op.drop_table("shop")
'''


@dataclass(frozen=True)
class Declared:
    """What a file is to declare."""

    id: str
    parents: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


def one(names: tuple[str, ...]) -> object:
    return names if len(names) > 1 else names[0] if names else None


def as_the_template(r: Declared) -> str:
    kind = "Union[str, Sequence[str], None]"
    return f'''"""Revision {r.id}

Revision ID: {r.id}

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa


# revision identifiers, used by Alembic.
revision: str = {r.id!r}
down_revision: {kind} = {one(r.parents)!r}
branch_labels: {kind} = {one(r.labels)!r}
depends_on: {kind} = {one(r.depends_on)!r}
{BODY}'''


def as_in_older_days(r: Declared) -> str:
    return f'''"""Revision {r.id}"""

revision = {r.id!r}
down_revision = {one(r.parents)!r}
branch_labels = {one(r.labels)!r}
depends_on = {one(r.depends_on)!r}

from alembic import op
{BODY}'''


def with_lists(r: Declared) -> str:
    return f"""from __future__ import annotations

from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = {r.id!r}
down_revision: list[str] | None = {[*r.parents] or None!r}
branch_labels: tuple[str, ...] | None = {r.labels or None!r}
depends_on: str | tuple[str, ...] | None = {r.depends_on!r}
{BODY}"""


def without_the_rest(r: Declared) -> str:
    depends = f"\ndepends_on = {r.depends_on!r}" if r.depends_on else ""
    labels = f"\nbranch_labels = {r.labels!r}" if r.labels else ""
    return f"revision = {r.id!r}; down_revision = {one(r.parents)!r}{labels}{depends}"


STYLES = (as_the_template, as_in_older_days, with_lists, without_the_rest)


def after(text: str) -> Edit:
    return lambda source: f"{source}\n{text}\n"


def before(text: str) -> Edit:
    return lambda source: f"{text}\n{source}"


def instead(old: str, new: str) -> Edit:
    return lambda source: source.replace(old, new)


def declaring(name: str, value: str) -> Edit:
    line = re.compile(rf"^({name}\b.*?= ).*$", re.MULTILINE)
    return lambda source: line.sub(rf"\g<1>{value}", source)


ODD: dict[str, Edit] = {
    "no syntax": after("def broken(:"),
    "a syntax that only the compiler refuses": after("def f(a, a): pass"),
    "a return outside a function": after("return"),
    "a break outside a loop": after("def f():\n    break"),
    "a keyword twice": after("def f():\n    g(a=1, a=2)"),
    "nonlocal in a module": after("nonlocal x"),
    "a future that is late": after("from __future__ import annotations"),
    "a future that never comes": before("from __future__ import tomorrow"),
    "a null byte": after("x = '\0'"),
    "an unknown encoding": before("# coding: nowhere"),
    "an encoding of its own": before("# coding: latin-1\nx = 'ä'"),
    "a mark of byte order": before("\ufeff"),
    "an escape that warns": after("x = '\\d'"),
    "no revision": instead("revision", "version"),
    "no down_revision": instead("down_revision", "above"),
    "a computed revision": instead("revision: str = ", "revision: str = 'x' + "),
    "a joined revision": after("revision = ''.join(['r', '1'])"),
    "a formatted revision": after("revision = f'{1}'"),
    "a number": after("revision = 7"),
    "a revision bound again": after("revision = 'other'"),
    "a parent bound again": after("down_revision = None"),
    "a parent bound by a loop": after("for down_revision in (None,): pass"),
    "a parent bound by walrus": after("(down_revision := None)"),
    "a parent bound by import": after("from os import path as down_revision"),
    "a label bound by import": after("from typing import Any as branch_labels"),
    "a need bound by import": after("from collections import abc as depends_on"),
    "a parent bound by def": after("def down_revision(): pass"),
    "a parent bound by class": after("class down_revision: pass"),
    "a parent bound by with": after("import io\nwith io.StringIO() as down_revision: pass"),
    "a parent bound in two": after("down_revision, x = None, None"),
    "a parent bound in place": after("down_revision += ()"),
    "a parent bound in globals": after("globals()['down_revision'] = None"),
    "a parent deleted": after("del down_revision"),
    "a condition": after("if True:\n    down_revision = None"),
    "a set of parents": after("down_revision = {'r0'}"),
    "a set as a value": after("x = {1, 2}"),
    "a dictionary in a dictionary": after("x = {(): 1, **{}}"),
    "an import that fails": after("import nowhere"),
    "a name that is not there": after("from sqlalchemy import nowhere"),
    "a name that is not in alembic": after("from alembic import nowhere"),
    "an import of everything": after("from sqlalchemy import *"),
    "a relative import": after("from . import nowhere"),
    "a relative import of alembic": after("from .alembic import op"),
    "another import that works": after("import asyncpg"),
    "a plain import": after("import logging, re as r"),
    "a deep import": after("import sqlalchemy.dialects.postgresql as pg"),
    "a module that raises": after("raise RuntimeError"),
    "a module that exits": after("raise SystemExit(0)"),
    "a module that fails": after("1 / 0"),
    "an assertion": after("assert False"),
    "a call": after("print()"),
    "a default that fails": after("def f(x=1 / 0): pass"),
    "a default that is literal": after("def f(x=-1, *, y=(), z={'a': []}): pass"),
    "a default that is bound": after("def f(x=op): pass"),
    "an annotation that fails": after("def f(x: nowhere): pass"),
    "an annotation of an argument that fails": after("def f(*x: nowhere): pass"),
    "a result that fails": after("def f() -> nowhere: pass"),
    "a decorator that fails": before("@nowhere\ndef f(): pass"),
    "a decorator": after("import functools\n@functools.cache\ndef f(): pass"),
    "a class": after("class Status: pass"),
    "an annotation without a value": after("x: int"),
    "an annotation with too many": after("from typing import Optional\nx: Optional[int, str] = 1"),
    "an annotation with none": after("x: None | None = 1"),
    "an annotation with a text": after("x: None | 'int' = 1"),
    "a list of two types": after("from typing import List\nx: List[int, int] = 1"),
    "a type that is a value": after("str = 1\nx: str | None = 1"),
    "a type that is a value, bare": after("str = 1\nx: str = 1"),
    "a plain name that is private": after("__all__ = ['upgrade']"),
    "annotations that are none": before("__annotations__ = 1"),
    "no builtins": before("__builtins__ = {}"),
    "a text": after("'''\ndef upgrade():\n'''"),
    "a literal": after("x = [1, -2.0, {'a': (None, ...)}, b'']"),
    "an illegal character": declaring("revision", "'a-b'"),
    "an empty name": declaring("depends_on", "''"),
    "a symbol": declaring("revision", "'head'"),
    "itself before it": declaring("down_revision", "'r0'"),
    "a child before it": declaring("down_revision", "'r1'"),
    "nothing before it": declaring("down_revision", "'gone'"),
    "an unknown need": declaring("depends_on", "'gone'"),
    "a need of itself": declaring("depends_on", "'r0'"),
    "a need of a child": declaring("depends_on", "'r1'"),
    "a label that is a name": declaring("branch_labels", "'r0'"),
    "a label that is there twice": declaring("branch_labels", "('main',)"),
    "a label as a number": declaring("branch_labels", "7"),
    "a name with a dot": instead("'r1'", "'r.1'"),
    "other lines": instead("\n", "\r\n"),
    "old lines": instead("\n", "\r"),
    "a page": after("\f\nx = 1"),
    "nothing": lambda _: "",
}
HARMLESS = {
    *("an escape that warns", "an encoding of its own", "a mark of byte order", "other lines"),
    *("a plain import", "a deep import", "a default that is literal", "a text", "a literal"),
    *(
        "a type that is a value, bare",
        "a page",
        "old lines",
        "a name with a dot",
        "a label that may be there",
    ),
}
"""What changes nothing about what is proven."""
NAMES = (
    *("{}_add.py", "{}.py", "2024.01_{}.py", "_{}.py", ".{}.py", "{} add.py", "__init__{}.py"),
    *(".#{}.py", "{}.PY", "{}.pyc", "{}.py.bak", "{}.txt", "sub/{}.py", "__pycache__/{}.py"),
)


@st.composite
def declarations(draw: st.DrawFn) -> list[Declared]:
    """Give a history of up to six revisions; many have one head."""
    found: list[Declared] = []
    for number in range(draw(st.integers(1, 5))):
        ids = [r.id for r in found]
        several = st.lists(st.sampled_from(ids or ["r0"]), max_size=2, unique=True).map(tuple)
        parents = draw(st.one_of(st.just((*ids[-1:],)), several)) if ids else ()
        needs = draw(st.one_of(st.just(()), st.just(()), several)) if ids else ()
        labels = draw(st.sampled_from(((), (), (f"label{number}",), (f"a{number}", f"b{number}"))))
        needs = tuple(draw(st.sampled_from([n, *labels_of(found, n)])) for n in needs)
        found.append(Declared(f"r{number}", parents, needs, labels))
    heads = {r.id for r in found} - {p for r in found for p in r.parents}
    if len(heads) > 1 and draw(st.integers(0, 3)):
        found.append(Declared("merge", tuple(sorted(heads))))
    return found


def labels_of(found: list[Declared], name: str) -> tuple[str, ...]:
    return next((r.labels for r in found if r.id == name), ())


@dataclass(frozen=True)
class Tree:
    """A folder of revisions."""

    folder: Path
    recursive: bool = False

    def alembics_head(self) -> str | None:
        """Give the one head that the full path would find, with nothing pending there."""
        script = ScriptDirectory(str(self.folder), recursive_version_locations=self.recursive)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                revisions.whole(script)
                (head,) = revisions.destination(script, "head", ())
                revisions.known(script, VersionTable(None, "alembic_version"), (head,), (head,))
                return None if revisions.steps(script, (head,), (head,)) else head
        except BaseException:  # noqa: BLE001 - whatever a revision raises ends the full path
            return None

    def proven_head(self) -> str | None:
        """Give the head that the files prove."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                files = versions.files([self.folder / "versions"], recursive=self.recursive)
                return history.head(history.revisions(files))
            except Exception:  # noqa: BLE001 - as `read` takes it
                return None

    def write(self, name: str, text: str) -> Path:
        """Write a file; what is no text in UTF-8 is written in Latin-1."""
        file = self.folder / "versions" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode("latin-1" if "latin-1" in text else "utf-8"))
        return file


@given(declarations(), st.data())
@settings(max_examples=150, deadline=None)
def test_an_ordinary_history_is_proven_and_alembic_agrees(
    declared: list[Declared], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as home:
        tree = Tree(Path(home), recursive=data.draw(st.booleans()))
        for each in declared:
            style = data.draw(st.sampled_from(STYLES))
            name = data.draw(st.sampled_from(NAMES[:6]))
            file = tree.write(name.format(each.id), style(each))
            if data.draw(st.booleans()):
                py_compile.compile(str(file))
        assert tree.proven_head() == tree.alembics_head()


@pytest.mark.parametrize("name", ODD)
def test_what_one_odd_file_proves_alembic_finds(name: str, tmp_path: Path) -> None:
    tree = Tree(tmp_path)
    for each in (Declared("r0"), Declared("r1", ("r0",))):
        tree.write(f"{each.id}.py", ODD[name](as_the_template(each)))
    proven = tree.proven_head()
    assert proven in {None, tree.alembics_head()}
    assert (proven is not None) == (name in HARMLESS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("recursive", [True, False])
def test_a_file_counts_where_alembic_loads_it(
    name: str,
    tmp_path: Path,
    *,
    recursive: bool,
) -> None:
    tree = Tree(tmp_path, recursive=recursive)
    tree.write("r0.py", as_the_template(Declared("r0")))
    tree.write(name.format("r1"), as_the_template(Declared("r1", ("r0",))))
    assert tree.proven_head() == tree.alembics_head() is not None


def test_a_history_without_revisions_has_no_head(tmp_path: Path) -> None:
    assert Tree(tmp_path).proven_head() is None
    (tmp_path / "versions").mkdir()
    assert Tree(tmp_path).proven_head() is None


def test_two_files_of_one_shape_differ_in_what_they_import(tmp_path: Path) -> None:
    """The names in an import are among the constants: they are part of the shape."""
    tree = Tree(tmp_path)
    tree.write("r0.py", "from alembic import op\n" + without_the_rest(Declared("r0")))
    second = without_the_rest(Declared("r1", ("r0",)))
    tree.write("r1.py", f"from alembic import op\n{second}")
    assert tree.proven_head() == "r1"
    tree.write("r1.py", f"from .alembic import op\n{second}")
    assert tree.proven_head() is None


@given(declarations(), st.data())
@settings(max_examples=150, deadline=None)
def test_what_an_odd_history_proves_alembic_finds(
    declared: list[Declared], data: st.DataObject
) -> None:
    odd = st.one_of(st.just("nothing odd"), st.sampled_from([*ODD]))
    with tempfile.TemporaryDirectory() as home:
        tree = Tree(Path(home), recursive=data.draw(st.booleans()))
        for each in declared:
            text = data.draw(st.sampled_from(STYLES))(each)
            text = ODD.get(data.draw(odd), str)(text)
            name = data.draw(st.sampled_from((*NAMES[:1] * 9, *NAMES)))
            tree.write(name.format(each.id), text)
            if not data.draw(st.integers(0, 9)):
                tree.write(name.format(each.id + "_twice"), text)
        proven = tree.proven_head()
        assert proven in {None, tree.alembics_head()}
