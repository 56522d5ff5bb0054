"""Tables that a downgrade drops: foreseen from its source, and seen when the statement comes.

What is foreseen lets a rollback be refused before anything is touched. It is only what stands in
`downgrade()` in so many words; whatever else is dropped is seen before its statement runs.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.errors import UsageError
from migrator.project.transactions import quietly

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy.engine import Connection

    from migrator.project.plan import UpgradePath

_DROP = re.compile(
    r"\bDROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?P<names>[^;]+?)\s*(?:\b(?:CASCADE|RESTRICT)\b|;|$)",
    re.IGNORECASE,
)
_SHOWN = "SELECT to_regclass('{}')::text"


def foreseen(paths: Iterable[UpgradePath]) -> tuple[str, ...]:
    """Give the tables that the downgrades of what is pending name, as SQL would write them."""
    scripts = (h.script.get_revision(revision) for h in paths for revision in h.pending)
    return tuple(dict.fromkeys(name for each in scripts for name in _named(Path(each.path))))


def refuse(tables: Iterable[str]) -> None:
    """Refuse to drop these; raises `UsageError`."""
    lost = sorted(tables)
    if lost:
        raise UsageError(
            f"{', '.join(lost)} would be dropped, and {'hold' if len(lost) > 1 else 'holds'} rows.",
            hint=f"If they may go: {' '.join(f'--drop {name}' for name in lost)}",
        )


def besides(tables: Iterable[str], allowed: Iterable[str]) -> set[str]:
    """Give the tables, as Postgres shows their names, that are not among those allowed."""
    may = {name.removeprefix("public.") for name in allowed}
    return {name for name in tables if name.removeprefix("public.") not in may}


def permit(connection: Connection, statement: str, allowed: Iterable[str]) -> None:
    """See that a statement drops no table that holds rows, but those allowed, or `refuse` it."""
    shown = {quietly(connection, _SHOWN.format(n.replace("'", "''")))[0] for n in _names(statement)}
    refuse(name for name in besides(shown - {None}, allowed) if _holds_rows(connection, name))


def _holds_rows(connection: Connection, table: str) -> bool:
    return bool(quietly(connection, f"SELECT EXISTS (SELECT FROM {table})")[0])  # noqa: S608 - quoted by to_regclass


def _names(statement: str) -> Iterator[str]:
    for found in _DROP.finditer(statement):
        yield from (name.strip() for name in found["names"].split(","))


def _named(file: Path) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError):  # compiled only
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name == "downgrade":
            for call in ast.walk(node):
                yield from _dropped_by(call)


def _dropped_by(call: ast.AST) -> Iterator[str]:
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
        return
    texts = [a.value for a in ast.walk(call) if isinstance(a, ast.Constant)]
    if call.func.attr == "execute":
        yield from (name for text in texts if isinstance(text, str) for name in _names(text))
    elif call.func.attr == "drop_table" and call.args:
        schema = next((k.value for k in call.keywords if k.arg == "schema"), None)
        parts = [p.value for p in (schema, call.args[0]) if isinstance(p, ast.Constant)]
        yield ".".join(f'"{part}"' for part in parts if isinstance(part, str))
