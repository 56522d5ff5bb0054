"""`migrator backfill --dry-run`: count what remains and show the first batch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from migrator.backfill import failure
from migrator.backfill.keyset import asked, keyset
from migrator.backfill.pace import FIRST
from migrator.backfill.worker import values
from migrator.output import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.backfill.definition import Definition
    from migrator.backfill.session import Session

_READ_ONLY = "SELECT set_config('transaction_read_only', 'on', true)"
_SHOWN, _WIDTH = 5, 100


@dataclass(frozen=True, slots=True)
class Sketch:
    """One backfill, as it stands."""

    name: str
    title: str
    remaining: int | None
    """None where that could not be asked."""
    columns: tuple[str, ...] = ()
    first_keys: tuple[tuple[str, ...], ...] = ()
    """Of the first batch."""
    statement: str = ""
    plan: tuple[str, ...] = ()
    """The planner's lines about it; none of a function."""
    problem: str | None = None
    """Why it cannot be begun."""

    def lines(self) -> Iterator[str]:
        """Give it for a person."""
        told = "not known" if self.remaining is None else text.remaining(self.remaining)
        told = "complete" if self.remaining == 0 else told
        yield f"{self.name}  {told}" + (f"  {self.title}" if self.title else "")
        if self.problem:
            yield from (f"  {line}" for line in self.problem.splitlines())
        if self.first_keys:
            shown = ", ".join(" ".join(key) for key in self.first_keys[:_SHOWN])
            more = ", …" if len(self.first_keys) > _SHOWN else ""
            count = text.rows(len(self.first_keys))
            yield f"  first batch: {count}, {' '.join(self.columns)} {shown}{more}"
            yield from (f"  {line}" for line in self.statement.splitlines())
            yield from (f"    {line[:_WIDTH]}" for line in self.plan)


@dataclass(frozen=True, slots=True)
class Preview:
    """What the backfills would do; an answer."""

    backfills: tuple[Sketch, ...]
    exit_code: int = 0

    def fields(self) -> dict[str, Any]:
        """Give it under the names of `--dry-run --json`."""
        return {"backfills": [asdict(each) for each in self.backfills]}

    def __str__(self) -> str:
        """Give it for a person."""
        lines = [line for each in self.backfills for line in each.lines()]
        return "\n".join([*(lines or ["There is no backfill."]), "Nothing was changed."])


def sketched(session: Session, definition: Definition) -> Sketch:
    """Look what a backfill would do; nothing is executed but its query."""
    try:
        with session.transaction():
            asked(session.raw, _READ_ONLY, [])
            return _looked(session, definition)
    except Exception as error:  # noqa: BLE001 - a driver's, and part of the answer
        problem = failure.of(error, definition).message
        return Sketch(definition.name, definition.title, None, problem=problem)


def _looked(session: Session, definition: Definition) -> Sketch:
    keys = keyset(session.raw, definition.remaining)
    count = keys.count(session.raw)
    page = keys.page(session.raw, None, None, FIRST, locking=False)
    if page is None:
        return Sketch(definition.name, definition.title, count, keys.columns)
    plan: list[str] = []
    if isinstance(definition.batch, str):
        plan = session.explain(definition.batch, values(keys.columns, page))
    return Sketch(
        *(definition.name, definition.title, count, keys.columns),
        *(page.texts, definition.statement, tuple(plan)),
    )
