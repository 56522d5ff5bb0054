"""The definition of a table as the catalogue has it, and how two of them differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migrator.plan.trace import Change

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

QUERY = """
SELECT c.oid::bigint AS oid, json_build_object(
  'name', format('%I.%I', n.nspname, c.relname),
  'file', c.relfilenode::bigint,
  'columns', (
    SELECT json_object_agg(a.attnum, json_build_object(
      'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'not_null', a.attnotnull,
      'default', pg_get_expr(d.adbin, d.adrelid), 'generated', nullif(a.attgenerated, ''),
      'identity', nullif(a.attidentity, '')))
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  'constraints', (
    SELECT json_object_agg(o.oid, json_build_object(
      'name', o.conname, 'type', o.contype, 'validated', o.convalidated,
      'definition', pg_get_constraintdef(o.oid), 'refers_to',
      (SELECT format('%I.%I', fn.nspname, f.relname) FROM pg_class f
       JOIN pg_namespace fn ON fn.oid = f.relnamespace WHERE f.oid = o.confrelid)))
    FROM pg_constraint o WHERE o.conrelid = c.oid AND o.contype <> 't'),
  'indexes', (
    SELECT json_object_agg(i.indexrelid, json_build_object(
      'name', x.relname, 'unique', i.indisunique, 'valid', i.indisvalid,
      'definition', pg_get_indexdef(i.indexrelid), 'of_constraint',
      EXISTS (SELECT FROM pg_constraint o WHERE o.conindid = i.indexrelid
              AND o.conrelid = i.indrelid AND o.contype IN ('p', 'u', 'x'))))
    FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid)
) AS definition
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't'
  AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'
"""
"""A row for each table and view, with its `oid` and its definition."""

_Things = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Definition:
    """What the catalogue has of a table."""

    name: str
    file: int
    """The number of its file on disk: another one after it was written anew."""
    columns: _Things
    constraints: _Things
    indexes: _Things
    """By the number under which the catalogue knows each, which a rename does not change."""

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Definition:
        """Make it of what the query gives."""
        things = (told[each] or {} for each in ("columns", "constraints", "indexes"))
        return cls(told["name"], told["file"], *things)


def changes(table: str, before: Definition, after: Definition | None) -> Iterator[Change]:
    """Give what was done to a table, by the name it has in the target; None is a dropped one."""
    if after is None:
        yield Change("table_dropped", table, table, before.name)
        return
    if before.name != after.name:
        yield Change("table_renamed", table, table, before.name, after.name)
    yield from _columns(table, before.columns, after.columns)
    yield from _constraints(table, before.constraints, after.constraints)
    yield from _indexes(table, before.indexes, after.indexes)


def _columns(table: str, before: _Things, after: _Things) -> Iterator[Change]:
    for number, new in after.items():
        old = before.get(number)
        if old is None:
            detail = {key: new[key] for key in ("not_null", "default", "generated", "identity")}
            yield Change("column_added", table, new["name"], None, new["type"], detail)
            continue
        name = old["name"]
        if name != new["name"]:
            yield Change("column_renamed", table, name, name, new["name"])
        if old["type"] != new["type"]:
            yield Change("column_type", table, name, old["type"], new["type"])
        if old["not_null"] != new["not_null"]:
            yield Change("column_not_null" if new["not_null"] else "column_nullable", table, name)
        if old["default"] != new["default"]:
            yield Change("column_default", table, name, old["default"], new["default"])
    for number in before.keys() - after.keys():
        yield Change("column_dropped", table, before[number]["name"], before[number]["type"])


def _constraints(table: str, before: _Things, after: _Things) -> Iterator[Change]:
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


def _indexes(table: str, before: _Things, after: _Things) -> Iterator[Change]:
    for number, new in after.items():
        if number not in before:
            detail = {key: new[key] for key in ("unique", "valid", "of_constraint")}
            yield Change("index_added", table, new["name"], None, new["definition"], detail)
    for number in before.keys() - after.keys():
        old = before[number]
        yield Change("index_dropped", table, old["name"], old["definition"])
