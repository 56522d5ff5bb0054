"""The trace of a rehearsal, statement by statement."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

MODES = (
    *("AccessShare", "RowShare", "RowExclusive", "ShareUpdateExclusive"),
    *("Share", "ShareRowExclusive", "Exclusive", "AccessExclusive"),
)
"""Postgres's table locks, the weakest first (PostgreSQL documentation, "Explicit Locking")."""
_WRITES = ("INSERT", "UPDATE", "DELETE")
_STOPS = {
    "Share": _WRITES,
    "ShareRowExclusive": _WRITES,
    "Exclusive": ("SELECT FOR UPDATE", *_WRITES),
    "AccessExclusive": ("SELECT", "SELECT FOR UPDATE", *_WRITES),
}


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock on a table that was there before the release, from the statement that took it."""

    table: str
    """With its schema, by the name it has in the target: `public.orders`."""
    mode: str
    """One of `MODES`."""
    statement: int
    """The number of the statement that took it."""
    until: int
    """The last statement that it is held during, by its number: its transaction ends after it."""
    held_s: float
    """For how long it was held in the rehearsal, in seconds."""
    index: str | None = None
    """Where it is a lock on an index of the table and not on the table: queries need both."""

    @property
    def stops(self) -> tuple[str, ...]:
        """The statements of an app that it keeps waiting."""
        return _STOPS.get(self.mode, ())

    @property
    def strength(self) -> int:
        """How strong it is: more stops more."""
        return MODES.index(self.mode)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the definition of a table that was there before the release.

    Read from the catalogue, before and after the statement.
    """

    kind: str
    """What was done: `table_dropped`, `table_renamed`, `column_added`, `column_dropped`,
    `column_renamed`, `column_type`, `column_not_null`, `column_nullable`, `column_default`,
    `constraint_added`, `constraint_validated`, `constraint_dropped`, `index_added`,
    `index_dropped`."""
    table: str
    """By the name it has in the target."""
    name: str
    """Of the column, constraint or index; of the table where the table itself is changed."""
    before: str | None = None
    """What it was: a name, a type, a definition; None where there was nothing."""
    after: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    """Of a table: `kind` (`pg_class.relkind`); of a column as it is now: `type`, `not_null`,
    `default`, `generated`, `identity`; of a constraint: `type` (`c` check, `f` foreign key,
    `p` primary key, `u` unique, `x` exclusion, `n` not null), `validated`, `refers_to`; of an
    index: `unique`, `valid`, `of_constraint`."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement of a pending revision, and what running it did."""

    number: int
    """From 1, through the whole plan."""
    revision: str
    sql: str
    """As it was sent, with the driver's placeholders."""
    file: str | None
    """The revision's file, as the project names it."""
    line: int | None
    """The line of that file that it came from; None where it is not known."""
    duration_s: float
    rows: int | None
    """So many rows were changed or given; None where the driver does not say."""
    transaction: int | None
    """The number of the transaction it ran in, from 1; None where it was committed at once."""
    locks: tuple[Lock, ...] = ()
    """Those that it was the first to take in its transaction."""
    rewritten: tuple[str, ...] = ()
    """Tables of the target whose file it wrote anew, all rows with it."""
    scanned: tuple[str, ...] = ()
    """Tables of the target that it read from end to end."""
    written: tuple[str, ...] = ()
    """Tables of the target whose rows it changes (INSERT, UPDATE, DELETE, COPY, MERGE)."""
    changes: tuple[Change, ...] = ()
    changed_something: bool = True
    """Whether it wrote anything at all, a row of the catalogue included."""

    @property
    def strongest(self) -> Lock | None:
        """The strongest lock it took."""
        return max(self.locks, key=lambda lock: lock.strength, default=None)


@dataclass(frozen=True, slots=True)
class Revision:
    """A pending revision, and what is known of it besides its statements."""

    revision: str
    title: str
    file: str
    duration_s: float | None = None
    """In the rehearsal; None where it did not come to its end."""
    obstacle: str | None = None
    """Why it cannot be taken back; None where its downgrade is worth a try."""
    does_nothing: bool = False
    """Its upgrade() is empty, and so says itself that it does nothing."""
    allowed: Mapping[str, str] = field(default_factory=dict)
    """Hazards that its author accepts, each with the reason: `# migrator: allow … because …`."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the rehearsal did not come to its end."""

    revision: str | None
    statement: str | None
    """The statement's text, where it was one that failed."""
    error: Mapping[str, str | None]
    """As in the report of a run: `kind`, `message`, `sqlstate`, `hint`."""
    exit_code: int
    uncertain: bool = False
    """It broke a constraint on a copy without rows, and may not where they are."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What a rehearsal saw."""

    revisions: tuple[Revision, ...]
    statements: tuple[Statement, ...]
    failure: Failure | None = None

    @property
    def locks(self) -> tuple[Lock, ...]:
        """Every lock on a table of the target, in the order they were taken."""
        return tuple(lock for statement in self.statements for lock in statement.locks)

    def of(self, revision: str) -> tuple[Statement, ...]:
        """Give the statements of a revision."""
        return tuple(one for one in self.statements if one.revision == revision)

    def transaction_of(self, statement: Statement) -> tuple[Statement, ...]:
        """Give the statements that are committed with this one, itself among them."""
        if statement.transaction is None:
            return (statement,)
        return tuple(s for s in self.statements if s.transaction == statement.transaction)

    def held_before(self, statement: Statement) -> tuple[Lock, ...]:
        """Give the locks that stop somebody and that its transaction has when it begins."""
        earlier = (s for s in self.transaction_of(statement) if s.number < statement.number)
        return tuple(lock for each in earlier for lock in each.locks if lock.stops)
