"""Run a child program: its output, its standard error, its end, and how to stop it.

The run blocks SIGTERM and SIGINT, and a child would inherit that and could not be told to end.
`posix_spawn` gives it an empty mask and a process group of its own without running any of our
code between fork and exec, which would not be safe beside threads.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_CHUNK = 1 << 20
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
_GRACE_S = 1.0
"""How long a program may take to end in good order: pg_dump cancels its query on the server."""


class Child:
    """A program that was started. It reads nothing, or what is written to it."""

    def __init__(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        said: Callable[[str], None],
        *,
        fed: bool = False,
    ) -> None:
        """Start it; `said` is called with each line of its standard error, in another thread.

        Raises `OSError` where it cannot be started.
        """
        self._ended = threading.Event()
        self._code: int | None = None
        self._input: int | None = None
        if fed:
            source, self._input = os.pipe()
        else:
            source = os.open(os.devnull, os.O_RDONLY)
        self._output, output = os.pipe()
        complaints, told = os.pipe()
        try:
            self.pid = os.posix_spawn(
                command[0],
                list(command),
                dict(environ),
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, source, 0),
                    (os.POSIX_SPAWN_DUP2, output, 1),
                    (os.POSIX_SPAWN_DUP2, told, 2),
                ],
                setpgroup=0,
                setsigmask=(),
                setsigdef=_IGNORED_BY_PYTHON,
            )
        except OSError:
            self.end_of_input()
            os.close(self._output)
            os.close(complaints)
            raise
        finally:
            for end in (source, output, told):
                os.close(end)
        self._listener = threading.Thread(target=_lines, args=(complaints, said), daemon=True)
        self._listener.start()
        threading.Thread(target=self._reap, daemon=True).start()

    def read(self) -> bytes:
        """Give the next of its output; nothing at its end."""
        return os.read(self._output, _CHUNK)

    def write(self, data: bytes) -> bool:
        """Give it something to read; tells whether it still wants to."""
        if self._input is None:
            return False
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._input, view) :]
        except BrokenPipeError:
            return False
        return True

    def end_of_input(self) -> None:
        """Let it read the end."""
        if self._input is not None:
            os.close(self._input)
            self._input = None

    def wait(self, within_s: float | None = None) -> int | None:
        """Give its exit code, negative for a signal; None where it has not ended in time."""
        self._ended.wait(within_s)
        if self._ended.is_set():
            self._listener.join(_GRACE_S)
        return self._code

    def stop(self) -> None:
        """End it and what it has started."""
        self._signal(signal.SIGTERM)
        if not self._ended.wait(_GRACE_S):
            self._signal(signal.SIGKILL)

    def close(self) -> None:
        """End it where it has not ended, and forget its output."""
        self.end_of_input()
        if not self._ended.is_set():
            self.stop()
        os.close(self._output)

    def _signal(self, number: signal.Signals) -> None:
        if not self._ended.is_set():
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def _reap(self) -> None:
        try:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        except ChildProcessError:  # whoever embeds us has reaped it: nobody knows how it ended
            self._code = -signal.SIGKILL
        self._ended.set()


def _lines(descriptor: int, said: Callable[[str], None]) -> None:
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            said(line.rstrip())
