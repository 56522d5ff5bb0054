"""Enum types in new revisions: created and dropped by their own statements, once each way.

Alembic leaves that to SQLAlchemy, which makes a type with a table and not with a column, makes it
again where it is there already, and leaves it behind at the downgrade.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic.operations import ops

from migrator.develop.new.operations import Remark, statement, within

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from alembic.autogenerate.api import AutogenContext

    from migrator.develop.new.facts import Facts

    Render = Callable[[str, Any, AutogenContext], Any]

_REMARK = "Types are made and dropped by themselves: a table that is dropped leaves them behind."


class Enums:
    """The enumerated types of a draft that the database does not have yet."""

    def __init__(self, facts: Facts) -> None:
        """None was made yet."""
        self._facts = facts
        self._made: set[tuple[str | None, str]] = set()

    def framed(self, up: Sequence[Any], down: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Give both ways of a revision; it makes, and drops, the types that it is first to use."""
        new = {
            (each.schema, each.name): each
            for each in _used(up)
            if (each.schema, each.name) not in self._facts.enums | self._made
        }
        self._made |= new.keys()
        if not new:
            return list(up), list(down)
        gone = [statement(f"DROP TYPE {self._facts.qualified(*key)}") for key in new]
        made = [statement(self._creation(each)) for each in new.values()]
        return [Remark(_REMARK), *made, *up], [*down, *gone]

    def _creation(self, enum: Any) -> str:  # noqa: ANN401 - an Enum
        values = ", ".join("'" + value.replace("'", "''") + "'" for value in enum.enums)
        return f"CREATE TYPE {self._facts.qualified(enum.schema, enum.name)} AS ENUM ({values})"


def _used(operations: Sequence[Any]) -> Iterator[Any]:
    """Give the named types of the columns that are added."""
    for op in within(operations):
        columns = op.columns if isinstance(op, ops.CreateTableOp) else [getattr(op, "column", None)]
        for each in columns:
            if isinstance(each, sa.Column):
                kind = getattr(each.type, "item_type", each.type)
                if is_ours(kind) and getattr(kind, "create_type", True):
                    yield kind


def is_ours(kind: Any) -> bool:  # noqa: ANN401 - a type of SQLAlchemy's
    """Tell whether a type is one of Postgres's own, under a name."""
    return isinstance(kind, sa.Enum) and bool(kind.native_enum and kind.name)


_KNOWN = ("sqlalchemy", "alembic")
"""Alembic imports these itself where it names something of them."""


def rendering(theirs: Render | None) -> Render:
    """Give a `render_item` that goes on where env.py's own, `theirs`, leaves it to Alembic.

    An enumerated type is one that is there; a type of the project, or of a library such as
    SQLModel, is named by its module, which is imported.
    """

    def render(what: str, item: Any, context: AutogenContext) -> Any:  # noqa: ANN401 - text, or False
        given = theirs(what, item, context) if theirs else False
        if given is not False or what != "type":
            return given
        if is_ours(item):
            return _enum(item, context)
        module = type(item).__module__
        if module.partition(".")[0] not in _KNOWN and context.opts["user_module_prefix"] is None:
            context.imports.add(f"import {module}")
        return False

    return render


def _enum(item: Any, context: AutogenContext) -> str:  # noqa: ANN401 - an Enum
    context.imports.add("from sqlalchemy.dialects import postgresql")
    values = "".join(f"{value!r}, " for value in item.enums)
    schema = f", schema={str(item.schema)!r}" if item.schema else ""
    return f"postgresql.ENUM({values}name={str(item.name)!r}{schema}, create_type=False)"
