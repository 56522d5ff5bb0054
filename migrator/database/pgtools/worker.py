"""Run pg_dump or pg_restore in a thread that can be stopped from outside.

A signal is heard by the main thread only, and only when it is back from C. A client of an object
store stays there for as long as a request takes. So the main thread waits, and can be interrupted.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from migrator.errors import BackupError
from migrator.process.program import Child
from migrator.process.signals import SIGNALS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

Result = TypeVar("Result")

_LOOK_S = 0.1
_CLEARS_UP_WITHIN_S = 3.0
"""An upload that is broken off tells its store so. The run has four seconds in all."""


class Crew:
    """Those who work on a backup: programs, and whatever else must be stopped with them."""

    def __init__(self) -> None:
        """Begin with nobody."""
        self._stops: list[Callable[[], None]] = []
        self._stopped = False
        self._alone = threading.Lock()

    @contextmanager
    def program(
        self,
        command: Sequence[str],
        environ: Mapping[str, str],
        said: Callable[[str], None],
        *,
        fed: bool = False,
    ) -> Iterator[Child]:
        """Run a program for as long as the block lasts; it does not outlive it.

        Raises `BackupError` where it cannot be started.
        """
        try:
            child = Child(command, environ, said, fed=fed)
        except OSError as error:
            message = f"{command[0]} could not be started: {error.strerror}."
            raise BackupError(message) from None
        with self.stopping(child.stop):
            try:
                yield child
            finally:
                child.close()

    @contextmanager
    def stopping(self, stop: Callable[[], None]) -> Iterator[None]:
        """Have `stop` called where the work is stopped during the block."""
        with self._alone:
            self._stops.append(stop)
            stopped = self._stopped
        if stopped:
            stop()
        try:
            yield
        finally:
            self._stops.remove(stop)

    def stop(self) -> None:
        """Stop everyone, and whoever comes later."""
        with self._alone:
            self._stopped = True
            stops = list(self._stops)
        for each in stops:
            each()

    def unless_stopped(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Give the pieces; raises `BackupError` once the work is stopped."""
        for piece in pieces:
            if self._stopped:
                message = "The backup was stopped."
                raise BackupError(message)
            yield piece

    def does(
        self, work: Callable[[], Result], meanwhile: Callable[[], None] = lambda: None
    ) -> Result:
        """Do the work in a thread and give its result; look at what goes on `meanwhile`.

        Raises what the work raised, or the interruption that came first.
        """
        results: list[Result] = []
        failures: list[BaseException] = []
        over = threading.Event()  # `join` takes a thread for ended once a signal has come out of it

        def attempt() -> None:
            try:
                results.append(work())
            except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
                failures.append(error)
            over.set()

        threading.Thread(target=attempt, name="migrator-backup", daemon=True).start()
        try:
            while not over.wait(_LOOK_S):
                SIGNALS.deliver()
                meanwhile()
        except BaseException:
            self.stop()
            over.wait(_CLEARS_UP_WITHIN_S)
            raise
        if failures:
            raise failures[0]
        return results[0]
