"""The rendering of types in a revision file, where Alembic's own would not run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migrator.develop.new.enums import is_ours

if TYPE_CHECKING:
    from collections.abc import Callable

    from alembic.autogenerate.api import AutogenContext

    Render = Callable[[str, Any, AutogenContext], Any]

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
