"""Turn what env.py, a revision or a driver raises into our errors."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from migrator.errors import (
    BusyError,
    DeniedError,
    MigratorError,
    ProjectError,
    RevisionFailedError,
    UnreachableError,
)
from migrator.output.text import capital
from migrator.process.signals import Interruption

if TYPE_CHECKING:
    from migrator.project.find import Project

_BUSY = ("55P03", "40P01")
"""SQLSTATEs of a statement that gave way: to the table-lock timeout, or to break a deadlock."""
_BUSY_HINT = (
    "A long transaction was in the way. MIGRATOR_DDL_RETRY_FOR says how long to go on trying."
)
_THERE_ALREADY = ("42P07", "42701", "42710")
"""SQLSTATEs of a table, column or object that is there already."""
_THERE_HINT = (
    "Was the schema made without Alembic (create_all), or the version table lost? migrator repair"
    " finds the revision whose schema this is."
)
_INSUFFICIENT_PRIVILEGE = "42501"
_GONE = ("08", "57P")
"""Classes of SQLSTATE for a connection that is lost or a server that goes away (PostgreSQL
documentation, appendix A)."""
_SERVERS_OWN = ("53", "57", "58")
"""Classes of SQLSTATE that are no fault of the project: a full disk, an administrator's cancel, a
system error."""
_LONGEST_STATEMENT = 2000


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known of a run of env.py when it fails, beside the error."""

    ran_any: bool = False
    """An earlier run of env.py, of the same upgrade, had run a revision to its end."""
    left_something: bool = False
    """The revision that was running had committed part of its work."""
    in_the_way: tuple[object, ...] = ()
    """Who was last seen in the way of a statement."""


@dataclass(frozen=True, slots=True)
class ServerMessage:
    """What the server said of a statement."""

    sqlstate: str | None
    message: str
    detail: str | None
    hint: str | None
    position: int | None
    statement: str | None
    lost: bool = False

    @property
    def place(self) -> str | None:
        """Line and column in the statement, where the server gave a position."""
        if not (self.position and self.statement):
            return None
        before = self.statement[: self.position - 1]
        return f"line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"

    def told(self) -> str:
        """Give it as lines for a person."""
        lines = [f"{self.message}" + (f" ({self.sqlstate})" if self.sqlstate else "")]
        lines += [f"Detail: {self.detail}"] if self.detail else []
        if self.statement:
            place = f" ({self.place})" if self.place else ""
            lines.append(f"Statement{place}: {self.statement[:_LONGEST_STATEMENT].strip()}")
        return "\n".join(lines)


def pass_on_interruption(error: BaseException) -> None:
    """Raise the interruption that an exception comes from; it is nobody's failure."""
    if interrupted := Interruption.behind(error):
        raise Interruption(interrupted) from None


def of_run(
    error: BaseException,
    running: str | None,
    project: Project,
    known: Circumstances,
    *,
    at_commit: bool,
) -> MigratorError:
    """Give our error for what came out of env.py, whether a revision was running or not.

    `running` names that one as in the midst of a sentence. With `at_commit` what the server says
    while none is running came from the commit after the last one.
    """
    if isinstance(error, MigratorError):
        return error
    fell_at_commit = (at_commit or known.ran_any) and server_message(error) is not None
    if running is None and not fell_at_commit:
        return _of_env_py(error, project)
    return _of_revision(error, running or "the commit", project, known)


def _of_env_py(error: BaseException, project: Project) -> MigratorError:
    said = server_message(error)
    if said is None:
        return ProjectError(f"env.py failed: {_told(error, project)}")
    if said.lost:
        return UnreachableError(f"env.py lost the database: {said.told()}")
    if said.sqlstate == _INSUFFICIENT_PRIVILEGE:
        hint = (
            said.hint or "GRANT the role CREATE on the schema, and its rights on the version table."
        )
        return DeniedError(said.told(), hint=hint, sqlstate=said.sqlstate)
    if (said.sqlstate or "").startswith(_SERVERS_OWN):
        message = f"The migration failed before its first revision: {said.told()}"
        return RevisionFailedError(message, hint=said.hint, sqlstate=said.sqlstate)
    message = f"env.py failed in the database: {said.told()}"
    return ProjectError(message, hint=said.hint, sqlstate=said.sqlstate)


def _of_revision(
    error: BaseException, what: str, project: Project, known: Circumstances
) -> MigratorError:
    name = capital(what)
    said = server_message(error)
    if said is None:
        return RevisionFailedError(f"{name} failed: {_told(error, project)}")
    message = f"{name} failed: {said.told()}"
    if said.lost:
        return UnreachableError(message, hint=said.hint, sqlstate=said.sqlstate)
    if said.sqlstate in _BUSY:
        if known.in_the_way:
            message += "\nIn the way: " + "; ".join(map(str, known.in_the_way)) + "."
        if not known.left_something:
            return BusyError(message, hint=said.hint or _BUSY_HINT, sqlstate=said.sqlstate)
    hint = said.hint or (_THERE_HINT if said.sqlstate in _THERE_ALREADY else None)
    return RevisionFailedError(message, hint=hint, sqlstate=said.sqlstate)


def server_message(error: BaseException) -> ServerMessage | None:
    """Give what the server said, from whichever driver env.py uses; None where it said nothing."""
    for cause in _chain(error):
        if isinstance(cause, DBAPIError) and cause.orig is not None:
            return _from_driver(cause.orig, cause.statement, lost=cause.connection_invalidated)
        if _sqlstate(cause) or _is_driver_error(cause):
            return _from_driver(cause, None, lost=False)
    return None


def _from_driver(orig: BaseException, statement: str | None, *, lost: bool) -> ServerMessage:
    """Read psycopg2 and psycopg (`diag`), asyncpg (attributes of the cause), pg8000 (a dict)."""
    source = orig.__cause__ if _sqlstate(orig.__cause__) else orig
    diag = getattr(source, "diag", source)
    sqlstate = _sqlstate(orig) or _sqlstate(source)
    position = _first(diag, "statement_position", "position")
    primary = _first(diag, "message_primary", "message") or str(orig).strip().partition("\n")[0]
    return ServerMessage(
        sqlstate=sqlstate,
        message=str(primary),
        detail=_first(diag, "message_detail", "detail"),
        hint=_first(diag, "message_hint", "hint"),
        position=int(position) if position else None,
        statement=_sent(orig) or statement,
        lost=lost or _says_gone(sqlstate, orig),
    )


def _says_gone(sqlstate: str | None, orig: BaseException) -> bool:
    if sqlstate:
        return sqlstate.startswith(_GONE)
    return type(orig).__name__ in {"OperationalError", "InterfaceError"}


def _sent(orig: BaseException) -> str | None:
    """Give the statement as psycopg2 sent it: the server counts its position in that text."""
    query = getattr(getattr(orig, "cursor", None), "query", None)
    return query.decode(errors="replace") if isinstance(query, bytes) else None


def _sqlstate(error: BaseException | None) -> str | None:
    found = getattr(error, "pgcode", None) or getattr(error, "sqlstate", None)
    return found if isinstance(found, str) else None


def _first(source: Any, *names: str) -> Any:  # noqa: ANN401 - a driver's own object
    for name in names:
        found = getattr(source, name, None)
        if found:
            return found
    return None


def _is_driver_error(error: BaseException) -> bool:
    """Tell whether this is a DB-API error that SQLAlchemy never saw."""
    kin = {(c.__module__.partition(".")[0], c.__name__) for c in type(error).__mro__}
    return bool(kin & {("psycopg2", "Error"), ("psycopg", "Error"), ("asyncpg", "PostgresError")})


def _chain(error: BaseException | None) -> list[BaseException]:
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    return found


def _told(error: BaseException, project: Project) -> str:
    """Give a Python error in one sentence, with the place in the project it came from."""
    if isinstance(error, CommandError):
        return str(error)
    if isinstance(error, SystemExit):
        return f"it called sys.exit({error.code!r}){_place(error, project)}."
    said = str(error).rstrip(".")
    return f"{type(error).__name__}: {said}{_place(error, project)}."


def _place(error: BaseException, project: Project) -> str:
    home = Path(project.script.dir).resolve()
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_file() and file.resolve().is_relative_to(home):
            return f" ({file.resolve().relative_to(home)}, line {frame.lineno})"
    return ""
