"""The console format of the log: aligned, and coloured on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from structlog.typing import EventDict

PLAIN, DIM, BOLD = "\033[0m", "\033[2m", "\033[1m"
RED, GREEN, YELLOW = "\033[31m", "\033[32m", "\033[33m"
_WIDTH = len("database.connected")
_COLOURS = {"warn": YELLOW, "error": RED}


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
        sentence = self.paint(first, self._colour(line))
        if further:
            sentence += "".join(f"\n{margin}{line}" for line in further.splitlines())
        event = self.paint(f"{line['event']:<{_WIDTH}}", DIM)
        return f"{self.paint(clock, DIM)}  {event}  {sentence}"

    def paint(self, text: str, colour: str) -> str:
        """Give the text in this colour, where there are colours."""
        return f"{colour}{text}{PLAIN}" if self._colours and colour else text

    def _colour(self, line: EventDict) -> str:
        if line["event"] == "run.finished" and line["level"] == "info":
            return BOLD + GREEN
        return _COLOURS.get(line["level"], "")
