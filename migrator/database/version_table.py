"""Alembic's version table, and the errors about its rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

from migrator.errors import DisagreementError


@dataclass(frozen=True, slots=True)
class VersionTable:
    """A version table as env.py names it, and the schema in which its connection finds it."""

    schema: str | None
    name: str
    found_in: str | None = field(default=None, compare=False)
    search_path: str | None = field(default=None, compare=False)
    """By which that connection finds it; None if that alone does not tell."""

    def __str__(self) -> str:
        """Give the name a person would write."""
        return f"{self.schema}.{self.name}" if self.schema else self.name


def union(groups: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Give the revisions of several version tables, each of them once."""
    return tuple(dict.fromkeys(revision for group in groups for revision in group))


class UnknownRevisionError(DisagreementError):
    """A revision that the database names is not in this code; knows where it stands."""

    behind = False
    """Whether revisions are pending for another version table."""

    def __init__(
        self, table: VersionTable, current: tuple[str, ...], unknown: str, head: tuple[str, ...]
    ) -> None:
        """Take the version table, its revisions, the first that is not known, and this code's."""
        super().__init__(
            f"The database is at revision {unknown}, which this code does not have.",
            hint="Deploy the code that has it, or bring the database back to a revision that"
            " this code knows. Nothing was touched.",
        )
        self.table, self.current, self.head = table, current, head


class RedundantRevisionError(DisagreementError):
    """A version table has a row that another of its rows includes; Alembic makes none like it."""

    def __init__(
        self, table: VersionTable, current: tuple[str, ...], redundant: tuple[str, ...]
    ) -> None:
        """Take the version table, its revisions, and those of them that others include."""
        self.table, self.current = table, current
        self.left = tuple(one for one in current if one not in redundant)
        super().__init__(
            f"{table} has {', '.join(redundant)} beside {', '.join(self.left)}, which comes after.",
            hint="Somebody wrote into it by hand, or two tools did. migrator repair finds out which"
            " it is. Nothing was touched.",
        )
