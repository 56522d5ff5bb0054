"""The changes between two definitions of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.plan.trace.trace import Change

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.plan.trace.definition import Definition, Things

_OF_A_COLUMN = ("type", "not_null", "default", "generated", "identity")


def changes(table: str, before: Definition, after: Definition | None) -> Iterator[Change]:
    """Give what was done to a table, by the name it has in the target; None is a dropped one."""
    if after is None:
        yield Change("table_dropped", table, table, before.name, None, {"kind": before.kind})
        return
    if before.name != after.name:
        kind = {"kind": before.kind}
        yield Change("table_renamed", table, table, before.name, after.name, kind)
    yield from _columns(table, before.columns, after.columns)
    yield from _constraints(table, before.constraints, after.constraints)
    yield from _indexes(table, before.indexes, after.indexes)


def _columns(table: str, before: Things, after: Things) -> Iterator[Change]:
    for number, new in after.items():
        old, detail = before.get(number), {key: new[key] for key in _OF_A_COLUMN}
        if old is None:
            yield Change("column_added", table, new["name"], None, new["type"], detail)
            continue
        name = old["name"]
        if name != new["name"]:
            yield Change("column_renamed", table, name, name, new["name"], detail)
        if old["type"] != new["type"]:
            yield Change("column_type", table, name, old["type"], new["type"], detail)
        if old["not_null"] != new["not_null"]:
            kind = "column_not_null" if new["not_null"] else "column_nullable"
            yield Change(kind, table, name, detail=detail)
        if old["default"] != new["default"]:
            yield Change("column_default", table, name, old["default"], new["default"], detail)
    for number in before.keys() - after.keys():
        yield Change("column_dropped", table, before[number]["name"], before[number]["type"])


def _constraints(table: str, before: Things, after: Things) -> Iterator[Change]:
    for number, new in after.items():
        old, name = before.get(number), new["name"]
        if old is None:
            detail = {key: new[key] for key in ("type", "validated", "refers_to")}
            yield Change("constraint_added", table, name, None, new["definition"], detail)
        elif new["validated"] and not old["validated"]:
            detail = {"type": new["type"]}
            yield Change("constraint_validated", table, name, None, new["definition"], detail)
    for number in before.keys() - after.keys():
        old = before[number]
        detail = {"type": old["type"]}
        yield Change("constraint_dropped", table, old["name"], old["definition"], None, detail)


def _indexes(table: str, before: Things, after: Things) -> Iterator[Change]:
    for number, new in after.items():
        if number not in before:
            detail = {key: new[key] for key in ("unique", "valid", "of_constraint")}
            yield Change("index_added", table, new["name"], None, new["definition"], detail)
    for number in before.keys() - after.keys():
        old = before[number]
        yield Change("index_dropped", table, old["name"], old["definition"])
