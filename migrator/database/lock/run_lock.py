"""Hold the lock of a run as one block: migration lock, heartbeat and statement monitor."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator.database.connection import connect
from migrator.database.lock.heartbeat import heartbeat
from migrator.database.lock.lock import hold, keys_for
from migrator.database.lock.monitor import monitoring

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from migrator.database.connection import Server
    from migrator.database.lock.guard import Guard
    from migrator.database.lock.heartbeat import Heartbeat
    from migrator.database.lock.monitor import StatementMonitor
    from migrator.database.version_table import VersionTable
    from migrator.settings.table import Settings


@dataclass(frozen=True, slots=True)
class Link:
    """A server that was reached, with a heartbeat that notices when it stops answering."""

    server: Server
    heartbeat: Heartbeat
    settings: Settings


@dataclass(frozen=True, slots=True)
class Locked(Link):
    """The same, with the migration lock held and each statement monitored."""

    guard: Guard
    monitor: StatementMonitor


@contextmanager
def linked(settings: Settings, server: Server | None = None) -> Iterator[Link]:
    """Connect, unless a server was reached already, with a heartbeat until the block ends.

    Raises what `connect` raises.
    """
    reached = (
        nullcontext(server) if server else connect(settings.database_url, settings.connect_timeout)
    )
    with reached as found, heartbeat(found) as beat:
        yield Link(found, beat, settings)


@contextmanager
def run_lock(
    link: Link, tables: Sequence[VersionTable] = (), *, keys: list[int] | None = None
) -> Iterator[Locked]:
    """Hold the lock of a run on these version tables, or on these keys, until the block ends.

    Raises `BusyError` if another run still holds it after `MIGRATOR_LOCK_WAIT`.
    """
    server, settings = link.server, link.settings
    if keys is None:
        keys = keys_for(tables, settings.lock_key)
    with (
        hold(server, keys, settings.lock_wait) as guard,
        monitoring(guard, link.heartbeat, settings) as monitor,
    ):
        yield Locked(server, link.heartbeat, settings, guard, monitor)
