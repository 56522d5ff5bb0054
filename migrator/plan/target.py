"""The conditions in the target that a release will meet: how large, how busy, who is in the way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the target, as its statistics have it."""

    name: str
    """With its schema: `public.orders`."""
    rows: int | None
    """As the planner estimates; None where it was never analyzed."""
    size_bytes: int
    """With its indexes and what is stored outside of it."""
    reads_per_s: float | None
    """Scans of it since the statistics began, of any kind; None where they are not known."""
    writes_per_s: float | None
    """Rows inserted, updated and deleted."""


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A session that has a transaction open: a table lock may have to wait for its end."""

    pid: int
    application_name: str
    transaction_s: float
    query: str | None
    tables: tuple[str, ...] = ()
    """The tables of the plan that it has locked."""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What is known of the target; of nothing where there is none, as with `--from-base`."""

    tables: Mapping[str, Table] = field(default_factory=dict)
    """Those that the plan locks, by their names."""
    obstacles: tuple[Obstacle, ...] = ()
    """The longest first."""
    replication_lag_s: float | None = None
    """Of the replica that is furthest behind; None without one."""
    known: bool = False
    """Whether there is a target: without one any table may be large."""
