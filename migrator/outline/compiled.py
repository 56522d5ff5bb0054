"""What Python would run of a file, compiled or found compiled; it is not run."""

from __future__ import annotations

from importlib.machinery import SourceFileLoader
from typing import TYPE_CHECKING, cast

from migrator.outline.doubt import DoubtError

if TYPE_CHECKING:
    from types import CodeType

    from migrator.outline.versions import SourceFile


class _Reader(SourceFileLoader):
    """Python's own way to the code of a file, which here leaves nothing behind."""

    def set_data(self, path: str, data: object, *, _mode: int = 0) -> None:
        """Keep nothing of what was compiled."""


def code(file: SourceFile) -> CodeType:
    """Give the code of a file: of its `.pyc`, where that is what Python would take.

    That it can be compiled proves its syntax, inside functions too. What is wrong with it comes
    out as it is (`SyntaxError`, `ValueError`).
    """
    if not file.cached:
        return compile(source(file), file.path, "exec", dont_inherit=True)
    return cast("CodeType", _Reader(file.name, file.path).get_code(file.name))


def source(file: SourceFile) -> bytes:
    """Give the source of a file."""
    with open(file.path, "rb", buffering=0) as opened:  # noqa: PTH123 - pathlib takes longer
        return opened.read()


def source_of(file: SourceFile, code: CodeType) -> bytes:
    """Give the source of a file which has this code.

    Raises `DoubtError` where it has not: what is kept compiled was made of another source.
    """
    found = source(file)
    if file.cached and compile(found, file.path, "exec", dont_inherit=True) != code:
        raise DoubtError(f"{file.path} is not what its compiled code was made of")
    return found
