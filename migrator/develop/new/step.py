"""One of the revisions that replace an operation, with what it does up and down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from alembic.operations.ops import MigrateOperation

    from migrator.develop.new.operations import OutsideTransaction

    Operations = tuple[MigrateOperation | OutsideTransaction, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What was made otherwise than Alembic makes it, and why."""

    avoids: str
    """The hazard that it would have been, by its code."""
    table: str
    name: str
    """The column, index or constraint."""
    why: str
    """In a sentence or more, as the file has it."""

    @property
    def sentence(self) -> str:
        """The first of them, which says what."""
        return self.why.partition(". ")[0].rstrip(".") + "."


@dataclass(frozen=True, slots=True)
class Step:
    """A revision: what it does, what takes it back, and what is said of it."""

    title: str
    change: Change
    up: Operations
    down: Operations
    back: str = ""
    """What is to be known of the way back."""


@dataclass(frozen=True, slots=True)
class Rewriting:
    """What takes the place of one operation and of the one that takes it back."""

    steps: tuple[Step, ...] = ()
    first: bool = False
    """Whether the steps come before everything else of the draft."""
    kept: Operations = ()
    """What is left of it in the draft's own revision."""
    kept_back: Operations = ()
    change: Change | None = None
    """What is to be said of that."""
