"""Report the progress of a backup: bytes written, and roughly the share of the tables."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Protocol

from migrator.database.pgtools.pg_dump import remark
from migrator.output.text import readable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from migrator.backup.stream import Meter

_FIRST_S, _EVERY_S = 2.0, 5.0
_BEGINS = re.compile(r'pg_dump: dumping contents of table "(?P<name>.*)"')


class Sized(Protocol):
    """A table, whose text is its name as pg_dump writes it."""

    @property
    def size_bytes(self) -> int:
        """How large it is."""


class Progress:
    """Says every few seconds how far it is."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._next = time.monotonic() + _FIRST_S
        self._meter: Meter | None = None
        self._sizes: dict[str, int] = {}
        self._read_bytes = self._reading_bytes = 0

    def begins(self, meter: Meter, tables: Iterable[Sized]) -> None:
        """Learn what is to be dumped, and what counts the bytes."""
        self._meter, self._sizes = meter, {str(table): table.size_bytes for table in tables}

    @property
    def tables_bytes(self) -> int:
        """How large the tables are, without indexes."""
        return sum(self._sizes.values())

    def heard(self, line: str) -> None:
        """Learn from what pg_dump says: that it begins a table has read the one before."""
        begun = _BEGINS.match(line)
        if begun:
            self._read_bytes += self._reading_bytes
            self._reading_bytes = self._sizes.get(begun["name"], 0)

    def look(self) -> None:
        """Say how far it is, if it is time to."""
        now = time.monotonic()
        if self._meter is None or now < self._next:
            return
        self._next = now + _EVERY_S
        total, written = self.tables_bytes, self._meter.size_bytes
        fraction = min(1, round(self._read_bytes / total, 2)) if total else None
        told = f"{readable(written)} written"
        told += f", about {fraction:.0%} of {readable(total)} of tables read." if total else "."
        remark(told, "info", written, total, fraction)
