"""SIGTERM, SIGINT and the deadline: cancel the statement, and report the interruption.

Python runs a signal's handler only when the main thread is back from C, and psycopg2 stays there
for as long as a statement lasts. So both signals are blocked and a thread waits for them. It
makes `pending` known to whoever can cancel the statement on the server, and wakes the main
thread by another signal, whose handler raises `Interruption` there. That is no `Exception`, so
the project's `except Exception` lets it pass.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from migrator.errors import DeadlineError, InterruptedBySignalError, MigratorError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_WAKE = signal.SIGUSR2
_POKE_S = 0.2
_GRACE_S = 4.0
"""How long the run may take to end in good order; then it is ended as it stands."""


class Interruption(BaseException):
    """A signal came, or the deadline did."""

    def __init__(self, error: MigratorError) -> None:
        """Carry the error that the run is to end with."""
        super().__init__(error.message)
        self.error = error

    @staticmethod
    def behind(error: BaseException) -> MigratorError | None:
        """Give the interruption that an exception comes from, or None.

        What is raised in the midst of SQLAlchemy may come out of env.py as something else; while
        an interruption is pending, it is the cause.
        """
        if isinstance(error, Interruption):
            return error.error
        if isinstance(error, KeyboardInterrupt):
            return InterruptedBySignalError(signal.SIGINT, "SIGINT")
        return SIGNALS.pending


class Signals:
    """Waits for the signals and the deadline."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        self.begin()

    def begin(self) -> None:
        """Forget what an earlier run in this process heard; hold back what comes from now on."""
        self.pending: MigratorError | None = None
        self._held_back, self._delivered = True, False
        self._over, self._again = threading.Event(), threading.Event()
        self._abandon: Callable[[MigratorError], object] | None = None

    def end(self) -> None:
        """Let no deadline strike any more."""
        self._over.set()

    @contextmanager
    def heard(self, abandon: Callable[[MigratorError], object]) -> Iterator[None]:
        """Hear the signals for as long as the block lasts; for the main thread only.

        `abandon` is called with the error where the run must end as it stands: at a second
        signal, or where the first has not ended it in time. The process ends after it. Where
        nobody hears the signals, the process is another's, and only statements are cancelled.
        """
        self._abandon = abandon
        before = signal.signal(_WAKE, lambda *_: self.deliver())
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        _in_background(self._hear)
        try:
            yield
        finally:
            self._over.set()
            signal.signal(_WAKE, before)

    def within(self, seconds: float | None) -> None:
        """Set the deadline, in seconds from now; None is none."""
        if seconds is not None:
            said = f"The run's own deadline of {seconds:g} s (MIGRATOR_DEADLINE) has passed."
            _in_background(lambda: self._expire(seconds, said))

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Let nothing interrupt the block; what came meanwhile is raised after it."""
        self._held_back = True
        try:
            yield
        finally:
            self._held_back = False
        self.deliver()

    @contextmanager
    def let_in(self) -> Iterator[None]:
        """Let the block, inside one that holds back, be interrupted."""
        before, self._held_back = self._held_back, False
        try:
            self.deliver()
            yield
        finally:
            self._held_back = before

    def deliver(self) -> None:
        """Raise what is pending, once, unless that must wait."""
        if self.pending is not None and not (self._held_back or self._delivered):
            self._delivered = True
            raise Interruption(self.pending)

    def _hear(self) -> None:
        while True:
            number = signal.Signals(signal.sigwait(_SIGNALS))
            self.interrupt(InterruptedBySignalError(number, number.name))

    def _expire(self, seconds: float, said: str) -> None:
        if not self._over.wait(seconds):
            self.interrupt(DeadlineError(said))

    def interrupt(self, error: MigratorError) -> None:
        """Take the first interruption; a further signal ends the run at once."""
        if self.pending is not None:
            if not isinstance(self.pending, DeadlineError):
                self._again.set()
            return
        self.pending = error
        _in_background(lambda: self._insist(error))

    def _insist(self, error: MigratorError) -> None:
        """Wake the main thread until the run is over, or patience is."""
        main = threading.main_thread().ident if self._abandon else None
        for _ in range(round(_GRACE_S / _POKE_S)):
            if self._over.is_set():
                return
            if main is not None and not self._delivered:
                signal.pthread_kill(main, _WAKE)
            if self._again.wait(_POKE_S):
                break
        if self._abandon and not self._over.is_set():
            self._abandon(error)
            os._exit(error.exit_code)


SIGNALS = Signals()
"""The one of this process, as its signals are."""


def _in_background(work: Callable[[], object]) -> None:
    threading.Thread(target=work, name="migrator-interruption", daemon=True).start()
