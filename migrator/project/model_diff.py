"""Describe a difference between models and database in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Column
from sqlalchemy.dialects import postgresql

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]
_LONGEST = 300
_VERBS = {"add": "add", "remove": "drop"}
_SIDES = {
    "add": "is in the models, and not in the database",
    "remove": "is in the database, and not in the models",
}


def worded(difference: Any) -> str:  # noqa: ANN401 - a tuple, or for a column a list of them
    """Give a difference (Alembic, `compare_metadata`) as a sentence without its full stop."""
    if isinstance(difference, list):
        return "; ".join(worded(each) for each in difference)
    kind, *given = difference
    try:
        if kind.startswith("modify_"):
            return _modified(kind.removeprefix("modify_"), *given)
        side, _, thing = kind.partition("_")
        return f"{_THINGS[thing](*given)} {_SIDES[side]}"
    except (KeyError, TypeError, ValueError, AttributeError):  # an operation of the project's own
        return f"{kind} {' '.join(map(str, given))}".strip()[:_LONGEST]


def titled(differences: Sequence[Any]) -> str:
    """Give a title for what these differences come to, by the first of them."""
    if not differences:
        return "change the schema"
    first = differences[0][0] if isinstance(differences[0], list) else differences[0]
    more = len(differences) - 1
    return _title(*first) + (f" and {more} more" if more else "")


def _title(kind: str, *given: Any) -> str:  # noqa: ANN401 - as above
    try:
        if kind.startswith("modify_"):
            schema, table, column = given[:3]
            return f"change column {_named(schema, table)}.{column}"
        side, _, thing = kind.partition("_")
        return f"{_VERBS[side]} {_THINGS[thing](*given)}"
    except (KeyError, TypeError, ValueError, AttributeError):  # an operation of the project's own
        return kind.replace("_", " ")


def place(difference: Any) -> tuple[str | None, str | None]:  # noqa: ANN401 - as above
    """Give the schema and the table that a difference lies in, as far as it says so."""
    _, *given = difference[0] if isinstance(difference, list) else difference
    if len(given) > 1 and isinstance(given[1], str):
        return given[0], given[1]
    table = getattr(given[0], "table", given[0]) if given else None
    return getattr(table, "schema", None), getattr(table, "name", None)


def _modified(  # noqa: PLR0913, PLR0917 - what Alembic gives
    what: str,
    schema: str | None,
    table: str,
    column: str,
    _: Mapping[str, Any],
    existing: Any,  # noqa: ANN401 - a type, a default, a comment, a truth
    wanted: Any,  # noqa: ANN401 - as above
) -> str:
    show = _SHOWN.get(what, str)
    here, there = show(existing), show(wanted)
    name = f"column {_named(schema, table)}.{column}"
    if what == "nullable":
        return f"{name} {here} in the database, and {there} in the models"
    said = {"type": "type", "default": "default", "comment": "comment"}[what]
    return f"{name} has the {said} {here} in the database, and {there} in the models"


def _type(found: Any) -> str:  # noqa: ANN401 - a TypeEngine
    try:
        return str(found.compile(dialect=_DIALECT))
    except Exception:  # noqa: BLE001 - a type of the project's own may not compile
        return repr(found)


def _default(found: Any) -> str:  # noqa: ANN401 - False, None, text, or a clause
    if found is None or found is False:
        return "none"
    clause = getattr(found, "arg", found)
    return str(getattr(clause, "text", clause))


_SHOWN: Mapping[str, Callable[[Any], str]] = {
    "type": _type,
    "default": _default,
    "comment": lambda found: "none" if found is None else repr(found),
    "nullable": lambda found: "may be null" if found else "may not be null",
}


def _named(schema: str | None, table: str) -> str:
    return f"{schema}.{table}" if schema else table


def _of(kind: str) -> Callable[[Any], str]:
    def told(thing: Any) -> str:  # noqa: ANN401 - an index or a constraint of SQLAlchemy
        columns = ", ".join(_expressed(each) for each in _parts(thing))
        name = f"{kind} {thing.name}" if thing.name else f"a {kind} without a name"
        return f"{name} on {thing.table.fullname} ({columns})"

    return told


def _parts(thing: Any) -> Any:  # noqa: ANN401 - as above
    return getattr(thing, "expressions", None) or getattr(thing, "columns", ())


def _expressed(part: Any) -> str:  # noqa: ANN401 - a column or an expression
    return part.name if isinstance(part, Column) else str(part)


_THINGS: Mapping[str, Callable[..., str]] = {
    "table": lambda table: f"table {table.fullname}",
    "column": lambda schema, table, column: f"column {_named(schema, table)}.{column.name}",
    "index": _of("index"),
    "constraint": _of("constraint"),
    "fk": _of("foreign key"),
    "table_comment": lambda table, *_: f"the comment on table {table.fullname}",
}
