"""The checksum of a revision: of what its file says, not of how it is written down."""

from __future__ import annotations

import ast
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def of(file: str) -> str | None:
    """Give the SHA-256, in hexadecimal, of a file of Python; None where it cannot be read.

    Whitespace, comments and the way a text is quoted do not count. It is made of the syntax tree,
    by the parts that are there, so that a later Python, with more parts, gives the same.
    """
    try:
        with open(file, "rb") as opened:  # noqa: PTH123 - pathlib takes longer
            tree = ast.parse(opened.read())
    except (OSError, SyntaxError, ValueError):
        return None
    return sha256("\0".join(_parts(tree)).encode(errors="surrogateescape")).hexdigest()


def _parts(value: object) -> Iterator[str]:
    """Give the parts of a tree, in order; what is empty, and how a name is used, is left out."""
    if isinstance(value, ast.expr_context):
        return
    if isinstance(value, ast.AST):
        yield f"({type(value).__name__}"
        for name, field in ast.iter_fields(value):
            if field is not None and field != [] and name not in {"kind", "type_comment"}:
                yield name
                yield from _parts(field)
        yield ")"
    elif isinstance(value, list):
        for each in value:
            yield from _parts(each)
            yield ","
    else:
        yield repr(value)
