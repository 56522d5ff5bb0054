"""The checksum of a revision: of what its file says, not of how it is written down."""

from __future__ import annotations

import ast
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def of(file: str) -> str | None:
    """Give the SHA-256, in hexadecimal, of a file of Python; None where it cannot be read.

    Whitespace, comments and the way a text is quoted do not count. It is made of the syntax tree,
    by the parts that are there, so that a later Python, with more parts, gives the same.
    """
    try:
        tree = ast.parse(_read(file))
    except (OSError, SyntaxError, ValueError):
        return None
    parts: list[str] = []
    _gather(tree, parts.append)
    return sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()


def of_bytes(file: str) -> str | None:
    """Give the SHA-256, in hexadecimal, of a file as it is; None where it cannot be read."""
    try:
        return sha256(_read(file)).hexdigest()
    except OSError:
        return None


def _read(file: str) -> bytes:
    with open(file, "rb") as opened:  # noqa: PTH123 - pathlib takes longer
        return opened.read()


def _gather(value: object, part: Callable[[str], object]) -> None:
    """Tell the parts of a tree, in order; what is empty, and how a name is used, is left out."""
    if isinstance(value, ast.expr_context):
        return
    if isinstance(value, ast.AST):
        part(f"({type(value).__name__}")
        for name in value._fields:  # ast.iter_fields takes longer
            field = getattr(value, name, None)
            if field is not None and field != [] and name not in {"kind", "type_comment"}:
                part(name)
                _gather(field, part)
        part(")")
    elif isinstance(value, list):
        for each in value:
            _gather(each, part)
            part(",")
    else:
        part(repr(value))
