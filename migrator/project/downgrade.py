"""Which revisions cannot be taken back: known from their functions, before anything is tried.

What the compiler made of a function is read, not its source: a project may have none
(`sourceless`), and only what was compiled can run.
"""

from __future__ import annotations

import dis
import inspect
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType

    from alembic.script import Script

_NOTHING = {"RESUME", "NOP", "LOAD_CONST", "LOAD_SMALL_INT", "RETURN_VALUE", "RETURN_CONST"}
"""All that is left of `pass`, `...`, a docstring and `return` (Python documentation, "dis")."""


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


def _compiled(function: Any) -> CodeType | None:  # noqa: ANN401 - whatever the revision calls so
    code: CodeType | None = getattr(inspect.unwrap(function), "__code__", None)
    return code


def _ends(code: CodeType) -> bool:
    """Tell whether there is a way through the function to its end."""
    return any("RETURN" in instruction.opname for instruction in dis.get_instructions(code))


def _is_empty(code: CodeType) -> bool:
    return {instruction.opname for instruction in dis.get_instructions(code)} <= _NOTHING
