"""Checksums of what the files of revisions say, however formatted; and which were changed since."""

from __future__ import annotations

import ast
from contextlib import suppress
from hashlib import sha256
from typing import TYPE_CHECKING

from migrator.errors import MigratorError
from migrator.ledger import runs, schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from psycopg2.extensions import connection as Connection

    from migrator.ledger.runs import Application


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


def alterations(
    connection: Connection, files: Callable[[], Mapping[str, str]]
) -> Mapping[str, str]:
    """Compare these files, by their revisions, with what the ledger knows of those.

    Gives a sentence for each that says something else than what was applied; none where there is
    no ledger to be read.
    """
    with suppress(MigratorError):
        if schema.version(connection) is not None and (known := runs.applied(connection)):
            return altered(known, files())
    return {}


def altered(known: Mapping[str, Application], files: Mapping[str, str]) -> Mapping[str, str]:
    """Compare as `alterations` does; what is the same byte for byte need not be parsed."""
    found = {}
    for revision, file in files.items():
        before = known.get(revision)
        if before and before.file_sha256 != of_bytes(file):
            now = of(file)
            if now and before.sha256 and now != before.sha256:
                found[revision] = _told(revision, file, now, before)
    return found


def _told(revision: str, file: str, now: str, before: Application) -> str:
    return (
        f"Revision {revision} was changed after it was applied: {file} has the checksum {now},"
        f" and had {before.sha256} when {before.role} ({before.client}) applied it at {before.at}."
    )
