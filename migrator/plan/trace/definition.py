"""The definition of a table, read from the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

QUERY = """
SELECT c.oid::bigint AS oid, json_build_object(
  'name', format('%I.%I', n.nspname, c.relname),
  'kind', c.relkind, 'file', c.relfilenode::bigint,
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

Things = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Definition:
    """What the catalogue has of a table."""

    name: str
    kind: str
    """`r` a table, `p` a partitioned one, `v` a view, `m` a materialized one, `f` a foreign one."""
    file: int
    """The number of its file on disk: another one after it was written anew."""
    columns: Things
    constraints: Things
    indexes: Things
    """By the number under which the catalogue knows each, which a rename does not change."""

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Definition:
        """Make it of what the query gives."""
        things = (told[each] or {} for each in ("columns", "constraints", "indexes"))
        return cls(told["name"], told["kind"], told["file"], *things)
