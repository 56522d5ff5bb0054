"""Observe a backend: the locks it holds, what it has read and written.

Only the backend that runs a transaction sees what it made of the catalogue before it commits.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migrator.plan.trace import definition
from migrator.plan.trace.definition import Definition

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIRST_OF_USERS = 16384
"""The first number of a relation that is not the server's own (`FirstNormalObjectId`)."""
_OURS = "l.locktype = 'relation' AND l.granted AND l.pid = {pid}"
QUERY = f"""
WITH held AS (
  SELECT l.relation::bigint AS oid, i.indrelid::bigint AS of, c.relname AS name, l.mode
  FROM pg_locks l LEFT JOIN pg_index i ON i.indexrelid = l.relation
  LEFT JOIN pg_class c ON c.oid = l.relation
  WHERE {_OURS} AND l.relation >= {_FIRST_OF_USERS}
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
), defined AS (
  {definition.QUERY} AND c.oid IN (SELECT coalesce(held.of, held.oid) FROM held
    WHERE mode NOT IN ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock'))
)
SELECT json_build_object(
  'locks', (SELECT json_agg(json_build_array(oid, of, name, mode)) FROM held),
  'definitions', (SELECT json_object_agg(oid, definition) FROM defined),
  'scans', (SELECT json_object_agg(relid::bigint, seq_scan) FROM pg_stat_xact_all_tables
            WHERE seq_scan > 0 AND relid >= {_FIRST_OF_USERS}),
  'writes', (SELECT json_object_agg(relid::bigint, n_tup_ins + n_tup_upd + n_tup_del)
             FROM pg_stat_xact_all_tables WHERE n_tup_ins + n_tup_upd + n_tup_del > 0)
)::text
"""  # noqa: S608 - the names in it are our own
"""One row, one text of JSON; `{pid}` is the backend's own, `pg_backend_pid()`, or another's."""
ALL = f"SELECT json_object_agg(oid, definition)::text FROM ({definition.QUERY}) AS each"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Held:
    """A lock that is held, on a table or on an index of it."""

    table: int
    mode: str
    index: str | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """What a backend told of itself."""

    locks: frozenset[Held] = frozenset()
    definitions: Mapping[int, Definition] | None = None
    """Of the tables that it may have changed."""
    scans: Mapping[int, int] | None = None
    """How often it read a table from end to end."""
    writes: Mapping[int, int] | None = None
    """How many rows of each table it wrote, those of the catalogue included."""

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Observation:
        """Make it of what the query gives."""
        locks = frozenset(
            Held(of or oid, mode.removesuffix("Lock"), name if of else None)
            for oid, of, name, mode in told["locks"] or ()
        )
        return cls(
            locks,
            definitions(told["definitions"]),
            _numbered(told["scans"]),
            _numbered(told["writes"]),
        )

    def scanned_since(self, before: Observation) -> set[int]:
        """Give the tables that were read from end to end since an earlier observation."""
        return _more(before.scans, self.scans)

    def written_since(self, before: Observation) -> set[int]:
        """Give the tables of which rows were written since, those of the catalogue included."""
        return _more(before.writes, self.writes)


def definitions(told: Mapping[str, Any] | None) -> dict[int, Definition]:
    """Read definitions by the numbers of their tables."""
    return {int(oid): Definition.read(one) for oid, one in (told or {}).items()}


def _numbered(told: Mapping[str, int] | None) -> dict[int, int]:
    return {int(oid): count for oid, count in (told or {}).items()}


def _more(before: Mapping[int, int] | None, after: Mapping[int, int] | None) -> set[int]:
    earlier = before or {}
    return {oid for oid, count in (after or {}).items() if count > earlier.get(oid, 0)}


def all_of(told: str | None) -> dict[int, Definition]:
    """Read what the query for all definitions gives; none in an empty database."""
    return definitions(json.loads(told or "{}"))
