"""A part of the page: text, tables, and the goals that were measured in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.goals import Goal


@dataclass(frozen=True)
class Section:
    """What stands under one heading."""

    title: str
    text: str
    goals: tuple[Goal, ...] = ()

    def __str__(self) -> str:
        """Give it as it stands on the page."""
        return f"## {self.title}\n\n{self.text}\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Give a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def ms(milliseconds: float) -> str:
    """Give a time as it stands in a table."""
    return f"{milliseconds:,.0f} ms"


def mb(megabytes: float) -> str:
    """Give a size as it stands in a table."""
    return f"{megabytes:.1f} MB"
