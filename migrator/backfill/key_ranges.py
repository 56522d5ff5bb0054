"""Track which key ranges are claimed by a worker and up to which key all is done."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migrator.backfill.keyset import Key, Page


class Span:
    """Keys after one and up to another that somebody is at, or that were given back."""

    def __init__(self, after: Key | None, upto: Key | None) -> None:
        """Begin after a key, or where there is none before; `upto` None is open."""
        self.after, self.upto = after, upto
        self.limit: int | None = None
        """At most so many at a time, since more have failed."""
        self.free = False


class Passage:
    """One pass over the keys, shared by the workers of a process."""

    def __init__(self, after: Key | None) -> None:
        """Begin after a key."""
        self.claiming = threading.Lock()
        """Held from the look at what is next until it is known who has which keys."""
        self._frontier, self._over = after, False
        self._spans: list[Span] = []

    def next(self) -> Span | None:
        """Give where to look for keys; None where there are none that nobody is at."""
        for span in self._spans:
            if span.free:
                return span
        return None if self._over else Span(self._frontier, None)

    def claimed(self, span: Span, page: Page | None, *, full: bool) -> Span | None:
        """Learn which keys were found there; gives their span, or None where there were none."""
        return self._again(span, page, full=full) if span.free else self._onwards(page, full=full)

    def _onwards(self, page: Page | None, *, full: bool) -> Span | None:
        self._over = not full
        if page is None:
            return None
        mine = Span(self._frontier, page.last)
        self._spans.append(mine)
        self._frontier = page.last
        return mine

    def _again(self, span: Span, page: Page | None, *, full: bool) -> Span | None:
        """Take what was given back, and leave the rest of it where only part was wanted."""
        if page is None:
            self._spans.remove(span)
            return None
        if full:
            rest = Span(page.last, span.upto)
            rest.limit, rest.free = span.limit, True
            self._spans.insert(self._spans.index(span) + 1, rest)
            span.upto = page.last
        span.free = False
        return span

    def give_back(self, span: Span, limit: int) -> None:
        """Let somebody try again, with at most so many keys at a time."""
        span.limit, span.free = limit, True

    def done(self, span: Span) -> None:
        """Learn that all of it is committed."""
        self._spans.remove(span)

    def position(self, besides: Span) -> Key | None:
        """Give the key up to which all is done once this span is; None where there is none."""
        for span in self._spans:
            if span is not besides:
                return span.after
        return self._frontier
