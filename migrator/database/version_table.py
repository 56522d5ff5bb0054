"""The table in which Alembic keeps where a database stands."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class VersionTable:
    """A version table as env.py names it, and the schema in which its connection finds it."""

    schema: str | None
    name: str
    found_in: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        """Give the name a person would write."""
        return f"{self.schema}.{self.name}" if self.schema else self.name
