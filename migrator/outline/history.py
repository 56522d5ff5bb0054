"""The history that the revisions' files make: whole, in one piece, and with one head.

A history that Alembic would refuse, or warn of, is doubted (`alembic.script.revision.RevisionMap`
and `migrator.project.revisions`).
"""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from migrator.outline import compiled
from migrator.outline.doubt import DoubtError
from migrator.outline.revision import Revision, declared, revision
from migrator.outline.shape import Shape, key, shape

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import CodeType

    from migrator.outline.versions import SourceFile

_MOST_SHAPES = 8
"""How many shapes of one key are remembered: each is tried for every further file."""


def revisions(files: Iterable[SourceFile]) -> Iterator[Revision]:
    """Give the revision of each file.

    Raises `DoubtError`, or what compiling raises, where loading a file could fail or do more.
    """
    shapes: dict[tuple[object, ...], list[Shape]] = {}
    for file in files:
        code = compiled.code(file)
        known = shapes.setdefault(key(code), [])
        alike = (one.values(code.co_consts) for one in known)
        values: Mapping[str, object] | None = next(filter(None, alike), None)
        if values is None:
            values = _examined(file, code)
            made = shape(code, values)
            if made and len(known) < _MOST_SHAPES:
                known.append(made)
        yield revision(values)


def head(history: Iterable[Revision]) -> str:
    """Give the head of a history.

    Raises `DoubtError` where there is none or more than one, where a name is there twice, or the
    history has a gap or runs in a circle.

    Where there is one head, all other revisions come before it: a version table with one row,
    for it, has nothing pending, whatever depends on whatever.
    """
    revisions = list(history)
    parents = {one.id: one.parents for one in revisions}
    names = {name: one.id for one in revisions for name in (one.id, *one.labels)}
    if len(names) < sum(1 + len(one.labels) for one in revisions):
        raise DoubtError("a revision or a label is there twice")
    followed = {parent for one in revisions for parent in one.parents}
    heads = parents.keys() - followed
    if len(heads) != 1 or followed - parents.keys():
        raise DoubtError(f"there are {len(heads)} heads, or a revision is missing")
    needed = {one.id: map(names.__getitem__, one.depends_on) for one in revisions}
    try:
        TopologicalSorter({id_: {*parents[id_], *needed[id_]} for id_ in parents}).prepare()
    except (CycleError, KeyError) as error:
        raise DoubtError(f"the history is broken at {error}") from None
    return heads.pop()


def _examined(file: SourceFile, code: CodeType) -> Mapping[str, object]:
    """Give the values of a file's names, by its source."""
    try:
        return declared(compiled.source_of(file, code))
    except DoubtError as doubt:
        raise DoubtError(f"{file.path}: {doubt}") from None
