"""The table in which Alembic keeps where a database stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


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
