"""The goals, each with what was measured; a figure says itself whether its goal is met."""

from __future__ import annotations

from dataclasses import dataclass

NOTHING, EVERYTHING, MEMORY, CONTAINER, LARGE, CROWD = (
    *("nothing", "everything", "memory", "container", "large", "crowd"),
)
"""What a goal is about: what is looked into where it is not met."""


@dataclass(frozen=True)
class Goal:
    """A figure that should not be above another."""

    about: str
    what: str
    at_most: float
    measured: float
    unit: str = ""
    digits: int = 2
    under: bool = False
    """It should be below the other."""

    @property
    def met(self) -> bool:
        """Whether it is, to the digits that are shown."""
        shown = round(self.measured, self.digits)
        return shown < self.at_most if self.under else shown <= self.at_most

    @property
    def cell(self) -> str:
        """Give the figure for a table, with the goal beside it."""
        verdict = "met" if self.met else "**not met**"
        return f"{self.figure} ({verdict}: {self.limit})"

    @property
    def figure(self) -> str:
        """Give what was measured."""
        return f"{self.measured:.{self.digits}f}{self.unit}"

    @property
    def limit(self) -> str:
        """Give what it should be at most, or under."""
        return f"{'under ' if self.under else ''}{self.at_most:.{self.digits}f}{self.unit}"
