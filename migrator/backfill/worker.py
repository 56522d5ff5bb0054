"""Run one batch after another, each in its own transaction, until no key is left."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from migrator.backfill import failure
from migrator.backfill.keyset import asked
from migrator.errors import BackfillError, BusyError, MigratorError
from migrator.ledger import backfills
from migrator.output.log import Event, emit

if TYPE_CHECKING:
    from migrator.backfill.definition import Definition
    from migrator.backfill.key_ranges import Passage, Span
    from migrator.backfill.keyset import Keyset, Page
    from migrator.backfill.pace import Pace
    from migrator.backfill.progress import Tally
    from migrator.backfill.session import Session
    from migrator.database.lock.guard import Guard

_STAYS = (
    "Rows that are done must not be in `remaining` any more: let it ask for what the batch changes,"
    " and the batch change every row that it asks for. Nothing of this batch was kept."
)


@dataclass(slots=True)
class Desk:
    """What the workers share."""

    definition: Definition
    keyset: Keyset
    guard: Guard
    opening: str
    """The query with which a transaction opens: limits, fence, and whether the lock is held."""
    pace: Pace
    tally: Tally
    passage: Passage
    strict: bool = False
    """Whether every batch must take rows out of what remains, not the first alone."""
    stop: threading.Event = field(default_factory=threading.Event)
    running: dict[object, int] = field(default_factory=dict)
    """The backends of the server that run something for us."""
    failed: list[MigratorError] = field(default_factory=list)


class Worker:
    """One of those who share a desk, with a session of its own."""

    def __init__(self, desk: Desk, session: Session) -> None:
        """Sit down."""
        self._desk, self._session = desk, session

    def work(self) -> None:
        """Work until there is nothing left, or something went wrong; then nobody goes on."""
        try:
            while not self._desk.stop.is_set() and self._batch():
                pass
        except Exception as error:  # noqa: BLE001 - raised again in the main thread
            self._desk.failed.append(failure.of(error, self._desk.definition))
            self._desk.stop.set()

    def _batch(self) -> bool:
        """Do one batch; tells whether there may be another."""
        desk, began = self._desk, time.monotonic()
        desk.pace.wait(desk.stop)
        span: Span | None = None
        page: Page | None = None
        try:
            with self._session.transaction():
                desk.running[self] = desk.guard.opened(self._asked(desk.opening))
                began = time.monotonic()
                with desk.passage.claiming:
                    where = desk.passage.next()
                    if where is None:
                        return False
                    page, span = self._claim(where)
                if page is not None and span is not None:
                    self._change(page)
                    position = desk.passage.position(besides=span)
                    raw, name = self._session.raw, desk.definition.name
                    backfills.advance(raw, name, position, len(page.keys), desk.pace.size)
        except Exception as error:  # noqa: BLE001 - sorted out below
            return self._gone_wrong(error, span, page)
        finally:
            desk.running.pop(self, None)
        self._done(span, page, time.monotonic() - began)
        return True

    def _asked(self, query: str) -> tuple[Any, ...]:
        return asked(self._session.raw, query, [])[0]

    def _claim(self, where: Span) -> tuple[Page | None, Span | None]:
        desk = self._desk
        limit = min(desk.pace.size, where.limit or desk.pace.size)
        page = desk.keyset.page(self._session.raw, where.after, where.upto, limit)
        full = page is not None and len(page.keys) == limit
        return page, desk.passage.claimed(where, page, full=full)

    def _change(self, page: Page) -> None:
        """Execute the batch, and see that its rows are done by it."""
        desk, batch = self._desk, self._desk.definition.batch
        if isinstance(batch, str):
            self._session.execute(batch, values(desk.keyset.columns, page))
        else:
            batch(self._session.connection, listed(page))
            if not self._session.in_transaction:
                message = (
                    f"The function of the backfill {desk.definition.name} ends its transaction."
                )
                raise BackfillError(message, hint="Leave the commit to migrator.")
        if desk.strict or not desk.tally.batches:
            self._see_that_rows_left(page)

    def _see_that_rows_left(self, page: Page) -> None:
        keyset = self._desk.keyset
        if keyset.left(self._session.raw, page) < len(page.keys):
            return
        name, where = self._desk.definition.name, failure.place(keyset, page)
        message = (
            f"The backfill {name} would never end: a batch leaves all its rows in what remains"
        )
        raise BackfillError(f"{message},{where}.", hint=_STAYS)

    def _done(self, span: Span | None, page: Page | None, seconds: float) -> None:
        desk = self._desk
        if span is None or page is None:
            return
        with desk.passage.claiming:
            desk.passage.done(span)
        desk.tally.add(len(page.keys))
        desk.pace.took(len(page.keys), seconds)

    def _gone_wrong(self, error: Exception, span: Span | None, page: Page | None) -> bool:
        """Have it tried again where that may help, else raise our error; tells whether to go on."""
        desk = self._desk
        if desk.stop.is_set():
            return False
        rows = len(page.keys) if page else 1
        where = failure.place(desk.keyset, page) if page else ""
        if failure.gave_way(error):
            self._step_back(error, rows, where)
        elif not (failure.of_rows(error) and rows > 1):
            raise failure.of(error, desk.definition, where) from None
        if span is not None:
            with desk.passage.claiming:
                desk.passage.give_back(span, max(1, rows // 2))
        return True

    def _step_back(self, error: Exception, rows: int, where: str) -> None:
        desk = self._desk
        left_s, pause_s = desk.pace.failed(rows), desk.pace.pause_s()
        if left_s is None:
            message = f"The backfill {desk.definition.name} gave up{where}: {failure.told(error)}"
            hint = "MIGRATOR_DDL_RETRY_FOR says how long to go on trying. What is done is kept."
            raise BusyError(message, hint=hint)
        emit(
            Event.STATEMENT_RETRIED,
            f"{desk.definition.name} gave way{where}, and tries again with fewer rows:"
            f" {failure.told(error)}",
            level="warn",
            backfill=desk.definition.name,
            batch_rows=desk.pace.size,
            pause_s=round(pause_s, 2),
            remaining_s=round(left_s, 1),
        )
        desk.stop.wait(pause_s)


def values(columns: tuple[str, ...], page: Page) -> dict[str, list[Any]]:
    """Give the values of a statement: `keys`, and each column's by its name."""
    lists = {name: [key[n] for key in page.keys] for n, name in enumerate(columns)}
    return {**lists, "keys": listed(page)}


def listed(page: Page) -> list[Any]:
    """Give the keys as a batch gets them: those of one column as they are, else tuples."""
    single = len(page.first) == 1
    return [key[0] if single else key for key in page.keys]
