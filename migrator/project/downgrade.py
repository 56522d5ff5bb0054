"""Foresee what a downgrade cannot do, and which tables it drops.

Whether a revision can be downgraded is read from what the compiler made of its functions, not from
their source: a project may have none (`sourceless`), and only what was compiled can run.

The tables that `downgrade()` names are read from its source, so that a rollback is refused before
anything is touched; whatever else is dropped is seen before its statement runs.
"""

from __future__ import annotations

import ast
import dis
import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrator.errors import UsageError
from migrator.project.listeners import quietly

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import CodeType

    from alembic.script import Script
    from sqlalchemy.engine import Connection

    from migrator.project.plan import UpgradePath

_NOTHING = {"RESUME", "NOP", "LOAD_CONST", "LOAD_SMALL_INT", "RETURN_VALUE", "RETURN_CONST"}
"""All that is left of `pass`, `...`, a docstring and `return` (Python documentation, "dis")."""
_DROP = re.compile(
    r"\bDROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?P<names>[^;]+?)\s*(?:\b(?:CASCADE|RESTRICT)\b|;|$)",
    re.IGNORECASE,
)
_SHOWN = "SELECT to_regclass('{}')::text"


def obstacle(revision: Script) -> str | None:
    """Say why a revision cannot be taken back; None where its downgrade is worth a try."""
    back = getattr(revision.module, "downgrade", None)
    if not callable(back):
        return "it has no downgrade()"
    compiled = _compiled(back)
    if compiled is None:
        return None
    if not _ends(compiled):
        return "its downgrade() always raises"
    forth = _compiled(getattr(revision.module, "upgrade", None))
    if _is_empty(compiled) and not (forth and _is_empty(forth)):
        return "its downgrade() is empty, and its upgrade() is not"
    return None


def does_nothing(revision: Script) -> bool:
    """Tell whether an upgrade is empty, and so says itself that it changes nothing."""
    forth = _compiled(getattr(revision.module, "upgrade", None))
    return forth is not None and _is_empty(forth)


def dropped_tables(paths: Iterable[UpgradePath]) -> tuple[str, ...]:
    """Give the tables that the downgrades of what is pending name, as SQL would write them."""
    scripts = (h.script.get_revision(revision) for h in paths for revision in h.pending)
    return tuple(dict.fromkeys(name for each in scripts for name in _named(Path(each.path))))


def refuse_to_drop(tables: Iterable[str]) -> None:
    """Refuse to drop these; raises `UsageError`."""
    lost = sorted(tables)
    if lost:
        raise UsageError(
            f"{', '.join(lost)} would be dropped, and {'hold' if len(lost) > 1 else 'holds'} rows.",
            hint=f"If they may go: {' '.join(f'--drop {name}' for name in lost)}",
        )


def unpermitted(tables: Iterable[str], allowed: Iterable[str]) -> set[str]:
    """Give the tables, as Postgres shows their names, that are not among those allowed."""
    may = {name.removeprefix("public.") for name in allowed}
    return {name for name in tables if name.removeprefix("public.") not in may}


def permit(connection: Connection, statement: str, allowed: Iterable[str]) -> None:
    """Refuse a statement that drops a table which holds rows and is not allowed to go."""
    shown = {quietly(connection, _SHOWN.format(n.replace("'", "''")))[0] for n in _names(statement)}
    lost = unpermitted(shown - {None}, allowed)
    refuse_to_drop(name for name in lost if _holds_rows(connection, name))


def _compiled(function: Any) -> CodeType | None:  # noqa: ANN401 - whatever the revision calls so
    code: CodeType | None = getattr(inspect.unwrap(function), "__code__", None)
    return code


def _ends(code: CodeType) -> bool:
    """Tell whether there is a way through the function to its end."""
    return any("RETURN" in instruction.opname for instruction in dis.get_instructions(code))


def _is_empty(code: CodeType) -> bool:
    return {instruction.opname for instruction in dis.get_instructions(code)} <= _NOTHING


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
