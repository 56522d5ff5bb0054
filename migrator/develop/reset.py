"""`migrator reset`: build a local database beside the old one, at head, and swap them."""

from __future__ import annotations

import re
import secrets
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.database.catalog import revisions
from migrator.database.connection import WITHIN_S, connect
from migrator.database.identity import same_database
from migrator.database.lock.run_lock import linked, run_lock
from migrator.database.scratch import extensions, names, scratch
from migrator.database.scratch import replace as replacement
from migrator.database.sessions import connected
from migrator.develop.local import see_that_it_is_local
from migrator.errors import ConfigurationError, DeniedError, MigratorError, UsageError
from migrator.migrate import run as job
from migrator.migrate.execute import prepared_backup
from migrator.process.signals import SIGNALS
from migrator.project.environ import in_place_of
from migrator.project.find import find
from migrator.project.survey import survey
from migrator.settings.address import to_database

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from migrator.database.connection import Server
    from migrator.database.lock.run_lock import Locked
    from migrator.database.scratch.scratch import Scratch
    from migrator.database.sessions import Session
    from migrator.database.version_table import VersionTable
    from migrator.output.report import Journal
    from migrator.project.plan import MigrationPlan
    from migrator.settings.address import Address
    from migrator.settings.table import Settings

_DIRECT = "Give the direct address of the server: DATABASE_UNPOOLED_URL, or MIGRATOR_DATABASE_URL."
_UNTOUCHED = "Nothing was touched."
_NO_SUCH_COLUMN = "42703"
_MAKES = re.compile(r'create\s+extension\s+(?!if\s)"?([\w-]+)', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ResetRequest:
    """What is to be reset."""

    database: str
    """Its name, named again to be sure."""
    named: tuple[str, ...] = ()
    """The hosts that were named though they are not this machine."""
    backs_up: bool = True
    end_sessions: bool = False
    consent: Callable[[str], None] = lambda _: None
    """Asks a person; raises `UsageError` where that is no."""


def run(
    settings: Settings, journal: Journal, request: ResetRequest, environ: Mapping[str, str]
) -> None:
    """Reset the database; the journal learns what happened. Until the end the old one is as it was.

    Raises the error that says why it could not be done.
    """
    see_that_it_is_local(settings.database_url, environ, "migrator reset", request.named)
    _see_that_it_is_meant(settings.database_url, request.database)
    ours = f"migrator {secrets.token_hex(4)}"
    with names.maintenance(settings.database_url, settings.connect_timeout, ours) as server:
        _see_that_it_can_be(server, request.database)
        there = names.exists(server, request.database)
        request.consent(_question(request, there=there))
        if request.backs_up and there:
            settings = replace(settings, backup_to=settings.backup_to or _own_place(environ))
        else:
            settings = replace(settings, backup_to=None)
        with _untouched(journal):
            Reset(settings, journal, server, request, ours, environ).done(there=there)


@dataclass
class Reset:
    """One reset, agreed to."""

    settings: Settings
    journal: Journal
    server: Server
    """Reached by another database than the one that is reset."""
    request: ResetRequest
    application_name: str
    """Of all sessions of ours, by which they are told from others."""
    environ: Mapping[str, str]
    lock: ExitStack = field(default_factory=ExitStack)

    def done(self, *, there: bool) -> None:
        """Make the new one, bring it to head, and let it take the place of the old one."""
        name = self.request.database
        with self.lock, scratch.beside(self.server, name, scratch.RESET) as made:
            if there:
                replacement.carry_over(self.server, name, made.name)
            self._migrated(made, there=there)
            made.connection.close()
            with SIGNALS.held_back():
                self.lock.close()  # its session is one in the old one, which must be alone
                self._in_place(made.name, there=there)

    def _migrated(self, made: Scratch, *, there: bool) -> None:
        """Bring the new one to head, behind the old one's lock; and only then back that up."""
        address = self._address(made.name)
        own = replace(
            self.settings, database_url=address, backup_to=None, max_risk=None, on_failure="stop"
        )
        with (
            in_place_of(address, self.environ),
            connect(address, WITHIN_S) as new,
        ):
            projects = find(own)
            plan = survey(projects, same_database(new))
            old = self._locked(plan) if there else None
            take = self._prepared(old, plan) if old else lambda: None
            if old:
                extensions.make(made.connection, _lacking(old.server, plan))
            job.run(own, self.journal, projects)
            take()

    def _locked(self, plan: MigrationPlan) -> Locked:
        """Take the lock of a run on the old one, and see that nobody is there."""
        there = replace(self.settings, database_url=self._address(self.request.database))
        link = self.lock.enter_context(linked(there))
        locked = self.lock.enter_context(run_lock(link, plan.tables))
        if not self.request.end_sessions and (sessions := self._others()):
            raise replacement.refuse(sessions, self.request.database, _UNTOUCHED)
        return locked

    def _others(self) -> tuple[Session, ...]:
        database = self.request.database
        return connected(self.server.connection, database, self.application_name)

    def _prepared(self, old: Locked, plan: MigrationPlan) -> Callable[[], None]:
        """See that a backup can be taken, where one is; gives what takes and proves it."""
        backup = prepared_backup(old.server, self.settings)

        def take() -> None:
            if backup:
                found = {table: _standing(old.server, table) for table in plan.tables}
                address = backup.take(found, old.guard.failure)
                self.journal.backed_up(address, self.request.database)

        return take

    def _in_place(self, made: str, *, there: bool) -> None:
        name = self.request.database
        replacement.end_sessions(self.server, made)  # env.py's own, which it may keep in a pool
        if not there:
            replacement.rename(self.server, made, name)
            return self.journal.remark(f"There was no database {name}; now there is.")
        aside = names.free_name(self.server, name, f"_old_{secrets.token_hex(3)}")
        if not replacement.replace(
            self.server, name, aside, made, end_sessions=self.request.end_sessions
        ):
            raise replacement.refuse(self._others(), name, _UNTOUCHED)
        return self._dropped(aside)

    def _dropped(self, aside: str) -> None:
        """Drop the old one; that it could not be does not decide how the reset ends."""
        kept = f" What was in it is in {self.journal.backup}." if self.journal.backup else ""
        told = f"{self.request.database} is made anew."
        try:
            scratch.drop(self.server, aside)
        except MigratorError as error:
            told += f" The old one could not be dropped, and is called {aside}: {error.message}"
        self.journal.remark(told + kept)

    def _address(self, database: str) -> Address:
        return to_database(self.settings.database_url, database, self.application_name)


def _standing(server: Server, table: VersionTable) -> tuple[str, ...]:
    """Give the rows of a version table; none where it is none, which a reset is good for, too."""
    try:
        return revisions(server.connection, table)
    except MigratorError as error:
        if error.sqlstate == _NO_SUCH_COLUMN:
            return ()
        raise


def _see_that_it_is_meant(address: Address, database: str) -> None:
    name = address.parameters.get("dbname") or address.parameters.get("user")
    if name != database:
        message = f"--database {database}: the database is called {name or 'nothing'}."
        raise UsageError(message, hint=f"It is named again to be sure. {_UNTOUCHED}")


def _see_that_it_can_be(server: Server, database: str) -> None:
    """See beforehand that databases can be made and named here."""
    if server.pooled:
        message = "A database cannot be reset through a pooler: it keeps sessions in it."
        raise ConfigurationError(message, hint=f"{_DIRECT} {_UNTOUCHED}")
    if database in {server.identity.database, "template1"}:
        message = f"{database} is the server's own database, and is not reset."
        raise UsageError(message, hint=f"Give the project a database of its own. {_UNTOUCHED}")
    if not scratch.may_create(server.connection):
        raise DeniedError(
            f"The role may not create databases on {server.address}.",
            hint=f"ALTER ROLE … CREATEDB, as a superuser. {_UNTOUCHED}",
        )


def _question(request: ResetRequest, *, there: bool) -> str:
    if not there:
        return f"There is no database {request.database} yet. Make it, and bring it to head?"
    kept = "which is backed up first" if request.backs_up else "WITHOUT a backup"
    return f"{request.database} is dropped, {kept}, and made anew. Go on?"


def _own_place(environ: Mapping[str, str]) -> str:
    """Give where backups of a reset go by themselves, made where it is not there yet.

    Below XDG_STATE_HOME (XDG Base Directory Specification), else ~/.local/state.
    """
    given = environ.get("XDG_STATE_HOME") or ""
    state = Path(given) if given.startswith("/") else Path.home() / ".local" / "state"
    place = state / "migrator" / "backups"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"Backups of a reset go to {place}, and it cannot be made: {error.strerror}."
        hint = f"Set MIGRATOR_BACKUP_TO, or leave the backup out: --no-backup. {_UNTOUCHED}"
        raise ConfigurationError(message, hint=hint) from None
    return f"file://{place}?ephemeral=ok"


def _lacking(old: Server, plan: MigrationPlan) -> dict[str, str]:
    """Give the extensions of the old one that no revision makes without IF NOT EXISTS."""
    texts = (Path(file).read_text(encoding="utf-8") for file in plan.files.values())
    made = {name.lower() for text in texts for name in _MAKES.findall(text)}
    found = extensions.extensions(old.connection)
    return {name: schema for name, schema in found.items() if name not in made}


@contextmanager
def _untouched(journal: Journal) -> Iterator[None]:
    """Say of whatever goes wrong that the old database is as it was: it is."""
    try:
        yield
    except BaseException:
        journal.applied, journal.database_state = (), "unchanged"
        raise
