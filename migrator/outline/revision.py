"""One revision, as its file declares it."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from migrator.outline.doubt import DoubtError
from migrator.outline.statements import Statements

if TYPE_CHECKING:
    from collections.abc import Mapping

NAMES = ("revision", "down_revision", "depends_on", "branch_labels")
"""What Alembic takes from a revision's module (`alembic.script.base.Script`)."""

_NAME = re.compile(r"[\w.]+", re.ASCII)
_SYMBOLS = ("head", "heads", "base", "current")


class Revision(NamedTuple):
    """A revision and what it names."""

    id: str
    parents: tuple[str, ...]
    depends_on: tuple[str, ...]
    labels: tuple[str, ...]


def declared(source: bytes) -> Mapping[str, object]:
    """Give the values of `NAMES` that a file has when it has been loaded.

    Raises `DoubtError` where loading it could do anything else, or fail.
    """
    statements = Statements()
    statements.visit(ast.parse(source))
    return {name: statements.names[name] for name in NAMES if name in statements.names}


def revision(values: Mapping[str, object]) -> Revision:
    """Give the revision of such values.

    Raises `DoubtError` where one is missing, or Alembic could take one for something else.
    """
    if "down_revision" not in values or not isinstance(values.get("revision"), str):
        raise DoubtError("a file does not say which revision it is, or what it follows")
    (own,), *others = (_several(values.get(name)) for name in NAMES)
    return Revision(own, *others)


def _several(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - whatever the file declares
    """Give the names in a value, which may be none, one or several."""
    if value is None:
        return ()
    names = (value,) if type(value) is str else value
    if type(names) not in {tuple, list} or len({*names}) < len(names):
        raise DoubtError(f"{value!r} names no revisions")
    for name in names:
        if type(name) is not str or not _NAME.fullmatch(name) or name in _SYMBOLS:
            raise DoubtError(f"{name!r} is not the plain name of a revision")
    return tuple(names)
