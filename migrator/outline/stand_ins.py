"""What stands in env.py's names for SQLAlchemy's things, while its course is followed.

Each knows the few names that Alembic's own templates use, with their arguments. Whatever else
env.py asks of it is refused: a name that it does not know by `ask`, an argument by Python.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self

from migrator.outline.doubt import DoubtError

if TYPE_CHECKING:
    from collections.abc import Callable


class StandIn:
    """Something that env.py may use by the names it knows."""

    knows: ClassVar[frozenset[str]] = frozenset()


class Function(StandIn):
    """A function of env.py's."""

    def __init__(self, follow: Callable[..., object]) -> None:
        """Know how to follow it."""
        self._follow = follow

    def __call__(self, *arguments: object) -> object:
        """Follow it."""
        return self._follow(*arguments)


class Pending(StandIn):
    """What happens when it is awaited, once."""

    def __init__(self, follow: Callable[[], object]) -> None:
        """Know what to follow then."""
        self._follow: Callable[[], object] | None = follow

    def done(self) -> object:
        """Follow it."""
        follow, self._follow = self._follow, None
        if follow is None:
            raise DoubtError("it awaits something twice")
        return follow()


class Block(StandIn):
    """What `with` may enter; `async with`, where it is asynchronous."""

    asynchronous = False

    def __init__(self) -> None:
        """Be entered later."""
        self.entered = False

    def __enter__(self) -> Self:
        """Be entered."""
        self.entered = True
        return self

    def __exit__(self, *_: object) -> None:
        """Be left."""
        self.entered = False


class Connection(Block):
    """A connection to the target.

    It knows no statement: one before `configure` decides whether anything is stored.
    """


class AsynchronousConnection(Block):
    """An asynchronous one."""

    knows = frozenset({"run_sync"})
    asynchronous = True

    def run_sync(self, function: Function, /, *arguments: object) -> Pending:
        """Follow a function, with the synchronous side of this connection."""

        def follow() -> object:
            if not self.entered:
                raise DoubtError("it uses a connection that is closed")
            with Connection() as connection:
                return function(connection, *arguments)

        return Pending(follow)


class Engine(StandIn):
    """An engine that surely reaches the target."""

    knows = frozenset({"begin", "connect", "dispose"})
    asynchronous = False

    def connect(self) -> Block:
        """Give a connection, to be entered."""
        return Connection()

    def begin(self) -> Block:
        """Give a connection in a transaction."""
        return self.connect()

    def dispose(self) -> Pending | None:
        """Need no connection any more."""


class AsynchronousEngine(Engine):
    """An asynchronous one."""

    asynchronous = True

    def connect(self) -> Block:
        """Give a connection, to be entered."""
        return AsynchronousConnection()

    def dispose(self) -> Pending:
        """Need no connection any more."""
        return Pending(lambda: None)


class Loop(StandIn):
    """The one event loop that `asyncio.run` makes."""

    def __init__(self) -> None:
        """Not run yet."""
        self._runs = False

    def run(self, main: Pending) -> object:
        """Follow a coroutine to its end."""
        if self._runs:
            raise DoubtError("it runs a loop inside a loop")
        self._runs = True
        result = main.done()
        self._runs = False
        return result


class Metadata(StandIn):
    """A `MetaData` without tables, as `target_metadata` may be."""


NULL_POOL = StandIn()
"""SQLAlchemy's pool that keeps nothing."""
