"""A thread with its own connection that checks again and again whether the server answers.

A network can go silent and yet acknowledge, as a proxy does that has lost what is behind it.
Then a statement waits for ever, and neither a keepalive nor a signal's handler ends it.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from migrator.database.connection import fetch
from migrator.errors import UnreachableError
from migrator.process.signals import SIGNALS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg2.extensions import connection as Connection

    from migrator.database.connection import Server

    Look = Callable[[Connection | None], None]

_LOOK_S = 0.1
_BEAT_S = 1.0
_PATIENCE_S = 5.0
"""A run that is over sooner needs no connection for this."""
_SILENCE_S = 10.0
"""How long without an answer. It is counted in beats, not measured: a process that was stopped
and goes on has heard nothing for long, and that is not the server's fault."""


@contextmanager
def heartbeat(server: Server) -> Iterator[Heartbeat]:
    """Ask until the block ends, and interrupt the run if there is no answer."""
    beat = Heartbeat(server)
    threads = [threading.Thread(target=work, daemon=True) for work in (beat.ask, beat.listen)]
    for thread in threads:
        thread.start()
    try:
        yield beat
    finally:
        beat.stop()
        for thread in threads:
            thread.join(_BEAT_S)


class Heartbeat:
    """Asks, listens, and lends its thread and connection to whoever has to look as often."""

    def __init__(self, server: Server) -> None:
        """Ask this server."""
        self._server = server
        self._connection: Connection | None = None
        self._looks: list[Look] = []
        self._answers, self._asked = 0, time.monotonic() + _PATIENCE_S
        self._opening, self._over = threading.Lock(), threading.Event()

    @contextmanager
    def lent(self, look: Look) -> Iterator[None]:
        """Have `look` called ten times a second with a connection, or None while there is none.

        The server's own connection is borrowed for it; after a break it comes back closed.
        """
        with self._opening:
            self._connection = self._connection or self._server.connection
        self._looks.append(look)
        try:
            yield
        finally:
            self._looks.remove(look)
            with self._opening:
                if not self._looks and self._connection is self._server.connection:
                    self._connection = None

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()

    def ask(self) -> None:
        """Ask until the run is over; a connection that breaks is made again.

        After an attempt that failed, only the next answer counts as one: the second until then
        must not begin the count of the silence again.
        """
        answered = True
        while not self._over.wait(_LOOK_S):
            try:
                if time.monotonic() - self._asked >= _BEAT_S:
                    self._beat()
                    answered = True
                for look in tuple(self._looks):
                    look(self._connection)
            except UnreachableError:
                self._forget()
                answered = False
            else:
                self._answers += answered
        self._forget()

    def listen(self) -> None:
        """End the run where the server answers nothing any more: then nothing can be cancelled."""
        heard, silent_s = -1, 0.0
        while not self._over.wait(_BEAT_S):
            silent_s = silent_s + _BEAT_S if heard == self._answers else 0
            heard = self._answers
            if silent_s >= _SILENCE_S:
                SIGNALS.interrupt(_gone())
                return

    def _beat(self) -> None:
        self._asked = time.monotonic()
        with self._opening:
            connection = self._connection = self._connection or self._server.once(_SILENCE_S)
        if connection:
            fetch(connection, "SELECT 1")

    def _forget(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None
        self._asked = time.monotonic()


def _gone() -> UnreachableError:
    return UnreachableError(
        f"The server has answered nothing for {_SILENCE_S:g} s, so the run ends.",
        hint="The network is broken, or a proxy in it. What runs in the server is rolled back"
        " when it notices. Try again.",
    )
