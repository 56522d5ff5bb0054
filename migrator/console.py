"""The console format: for a person, aligned, coloured on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from structlog.typing import EventDict

_WIDTH = len("database.connected")
_PLAIN, _DIM, _BOLD = "\033[0m", "\033[2m", "\033[1m"
_COLOURS = {"warn": "\033[33m", "error": "\033[31m"}
_GREEN = "\033[32m"


class Console:
    """Renders a line as `time  event  sentence`."""

    def __init__(self, *, colours: bool) -> None:
        """Colour the lines, or not."""
        self._colours = colours

    def __call__(self, _: object, __: str, line: EventDict) -> str:
        """Give the line as text; what a long message says further is indented below it."""
        clock = line["timestamp"][11:19]
        first, _, further = line["message"].partition("\n")
        margin = " " * (len(clock) + 2 + _WIDTH + 2)
        sentence = self._paint(first, self._colour(line))
        if further:
            sentence += "".join(f"\n{margin}{line}" for line in further.splitlines())
        event = self._paint(f"{line['event']:<{_WIDTH}}", _DIM)
        return f"{self._paint(clock, _DIM)}  {event}  {sentence}"

    def _colour(self, line: EventDict) -> str:
        if line["event"] == "run.finished" and line["level"] == "info":
            return _BOLD + _GREEN
        return _COLOURS.get(line["level"], "")

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._colours and colour else text
