"""Every way to fail.

The class owns its exit code (the numbers of `sysexits.h`), its kind and its usual outcome;
the instance owns the message and the hint. `cli.py` is the only place that turns one into
the end of the process.
"""

from __future__ import annotations

from typing import ClassVar


class MigratorError(Exception):
    """A failure with a sentence for a person and an exit code for a platform."""

    exit_code: ClassVar[int] = 70
    kind: ClassVar[str] = "bug"
    outcome: ClassVar[str] = "failed"

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        sqlstate: str | None = None,
    ) -> None:
        """Keep the sentence, what to do about it, and the server's SQLSTATE where there is one."""
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.sqlstate = sqlstate

    def fields(self) -> dict[str, str | None]:
        """Give the error under the names of the report."""
        return {
            "kind": self.kind,
            "message": self.message,
            "sqlstate": self.sqlstate,
            "hint": self.hint,
        }

    def during(self, what: str | None) -> MigratorError:
        """Say in the midst of what it came, where something was running; gives the same error."""
        if what:
            self.message = f"{self.message.rstrip('.')} during {what}."
        return self


class UsageError(MigratorError):
    """The command line is wrong."""

    exit_code = 64
    kind = "usage"
    outcome = "refused"


class RevisionFailedError(MigratorError):
    """A revision failed; the report says which, and what it left."""

    exit_code = 65
    kind = "revision"


class AftermathError(MigratorError):
    """The command after the upgrade failed; the revisions are in place."""

    exit_code = 65
    kind = "after"


class BackfillError(MigratorError):
    """A backfill's query or batch failed; the batches before it are committed."""

    exit_code = 65
    kind = "backfill"


class ProjectError(MigratorError):
    """The Alembic project is not found, or is broken."""

    exit_code = 66
    kind = "project"
    outcome = "refused"


class UnreachableError(MigratorError):
    """The database could not be reached in time, or went away."""

    exit_code = 69
    kind = "unreachable"


class BugError(MigratorError):
    """An exception that nobody expected."""


class BackupError(MigratorError):
    """The backup could not be made, or is none; nothing was migrated."""

    exit_code = 73
    kind = "backup"


class ClientError(MigratorError):
    """There is no pg_dump that can read this server."""

    exit_code = 73
    kind = "pg_dump"
    outcome = "refused"


class StorageError(MigratorError):
    """The backup could not be stored, or not be read back; nothing was migrated."""

    exit_code = 74
    kind = "storage"


class BusyError(MigratorError):
    """Another run holds the lock, or a table lock could not be had."""

    exit_code = 75
    kind = "busy"


class DisagreementError(MigratorError):
    """The database holds a revision that this code does not know."""

    exit_code = 76
    kind = "disagreement"
    outcome = "refused"


class NotAtHeadError(DisagreementError):
    """An application was about to start on a database that is not where its code wants it."""

    def __init__(self, message: str) -> None:
        """Say where it is."""
        super().__init__(message, hint="migrator run brings it there; migrator status says more.")


class UnprovenError(MigratorError):
    """The upgrade returned, but the database is not where it should be."""

    exit_code = 76
    kind = "unproven"


class RiskError(MigratorError):
    """A policy refuses the run: what is pending is more of a risk than is allowed."""

    exit_code = 79
    kind = "policy"
    outcome = "refused"


class IncompleteBackfillError(MigratorError):
    """A pending revision needs a backfill, and rows remain for that."""

    exit_code = 79
    kind = "incomplete"
    outcome = "refused"


class DeniedError(MigratorError):
    """The server refused the role, its password, or what it tried to do."""

    exit_code = 77
    kind = "denied"


class ConfigurationError(MigratorError):
    """A setting is wrong, or two settings disagree."""

    exit_code = 78
    kind = "configuration"
    outcome = "refused"


class NoDatabaseError(ConfigurationError):
    """The server has no database of this name."""


class DeadlineError(MigratorError):
    """The run's own deadline has passed."""

    exit_code = 124
    kind = "deadline"
    outcome = "interrupted"


class InterruptedBySignalError(MigratorError):
    """SIGINT or SIGTERM; the exit code is 128 and the signal's number, as in a shell."""

    kind = "interrupted"
    outcome = "interrupted"

    def __init__(self, signal_number: int, signal_name: str) -> None:
        """Name the signal."""
        super().__init__(f"Interrupted by {signal_name}.")
        self.exit_code = 128 + signal_number  # type: ignore[misc] # the signal decides it
