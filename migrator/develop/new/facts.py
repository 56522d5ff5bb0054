"""Facts of the database that decide which steps are safe, and how it quotes names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

_PARTITIONED = """
SELECT n.nspname = current_schema(), n.nspname, c.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'p'
"""
_ENUMS = """
SELECT n.nspname = current_schema(), n.nspname, t.typname
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype = 'e'
"""
_VOLATILE = "SELECT DISTINCT proname FROM pg_proc WHERE provolatile = 'v'"
_CALLED = re.compile(r"\b(\w+)\s*\(")
_LONGEST_NAME = 63
"""Bytes that Postgres keeps of a name (PostgreSQL documentation, "Identifiers and Key Words")."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Of one database, as env.py's own connection sees it."""

    dialect: Any
    """SQLAlchemy's."""
    partitioned: frozenset[tuple[str | None, str]]
    """The partitioned tables: nothing is CONCURRENTLY, or NOT VALID, on them."""
    enums: frozenset[tuple[str | None, str]]
    """The enumerated types."""
    volatile: frozenset[str]
    """The functions that may give another value for each row."""

    def qualified(self, schema: str | None, table: str) -> str:
        """Give a table as SQL has it."""
        return f"{self.quoted(schema)}.{self.quoted(table)}" if schema else self.quoted(table)

    def quoted(self, name: str) -> str:
        """Give a name as SQL has it."""
        return str(self.dialect.identifier_preparer.quote(name))

    def condition(self, clause: Any) -> str:  # noqa: ANN401 - an element of SQLAlchemy's
        """Give a condition as SQL has it, its values written out."""
        return str(clause.compile(dialect=self.dialect, compile_kwargs={"literal_binds": True}))

    def differs_by_row(self, default: Any) -> bool:  # noqa: ANN401 - a DefaultClause, or none
        """Tell whether a server default is another value for each row."""
        clause = getattr(default, "arg", None)
        if clause is None:
            return False
        compiled = clause if isinstance(clause, str) else str(clause.compile(dialect=self.dialect))
        called = {name.lower() for name in _CALLED.findall(compiled)}
        return not isinstance(clause, str) and bool(called & self.volatile)


def facts(context: MigrationContext) -> Facts:
    """Ask the connection of an env.py that has configured Alembic; nothing is changed."""
    connection: Any = context.connection
    volatile = connection.exec_driver_sql(_VOLATILE).fetchall()
    return Facts(
        context.dialect,
        _named(connection, _PARTITIONED),
        _named(connection, _ENUMS),
        frozenset(name for (name,) in volatile),
    )


def _named(connection: Any, query: str) -> frozenset[tuple[str | None, str]]:  # noqa: ANN401
    """Give names with their schemas, as models have them: the current one is left out."""
    found = connection.exec_driver_sql(query).fetchall()
    return frozenset((None if here else schema, name) for here, schema, name in found)


def name_of(*parts: str) -> str:
    """Give a name made of these parts, no longer than Postgres keeps."""
    name = "_".join(parts)
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    digest = blake2b(name.encode(), digest_size=4).hexdigest()
    return f"{name.encode()[: _LONGEST_NAME - 9].decode(errors='ignore')}_{digest}"
