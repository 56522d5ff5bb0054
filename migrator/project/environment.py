"""Running the project's own env.py, as `alembic` would, and watching from outside.

Nothing in the project is edited: `EnvironmentContext` is built as `alembic.command.upgrade`
does it, and SQLAlchemy's events on the `Engine` class see every engine that env.py makes, the
synchronous side of an asynchronous one included.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, redirect_stdout
from sys import stderr
from typing import TYPE_CHECKING, Any

from alembic.runtime.environment import EnvironmentContext
from sqlalchemy import event
from sqlalchemy.engine import Engine

from migrator.database.version_table import VersionTable
from migrator.errors import ConfigurationError, ProjectError
from migrator.project import surroundings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from alembic.autogenerate import RevisionContext
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy.engine import Connection

    from migrator.project.find import Project

    Work = Callable[[tuple[str, ...], MigrationContext], Iterable[Any]]
    FirstRow = Callable[[str], Any]
    Witness = Callable[[FirstRow], None]


_UNKNOWN = -1
"""What a driver gives for a number of rows that it does not know (PEP 249)."""
_FOUND_IN = """
SELECT coalesce(
    (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = to_regclass(quote_ident('{name}'))),
    current_schema())
"""


def run(  # noqa: PLR0913 - as Alembic has them
    project: Project,
    work: Work,
    *,
    only_look: bool = False,
    purge: bool = False,
    watcher: Watcher | None = None,
    revision: RevisionContext | None = None,
) -> None:
    """Run env.py with `work` in the place of the function that Alembic's command has.

    With `purge` Alembic empties the version table first; `revision` is what `alembic revision`
    lets env.py know of.
    Whatever env.py, or a revision, raises comes out as it is.
    """
    settings = project.settings
    how: dict[str, Any] = {"dont_mutate": True} if only_look else {"purge": True} if purge else {}
    if revision is not None:
        how |= {"revision_context": revision, "template_args": revision.template_args}
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(stderr))
        stack.enter_context(surroundings.as_under_alembic(settings.database_url, project.line))
        stack.enter_context(project.within())
        stack.enter_context(_watched(watcher or Watcher()))
        environment = EnvironmentContext(
            project.config,
            project.script,
            fn=work,
            as_sql=False,
            starting_rev=None,
            destination_rev=project.revision,
            tag=None,
            **how,
        )
        _choose_transactions(environment, settings.transactions)
        with environment:
            project.script.run_env()


class Watcher:
    """Sees what happens on the connections of env.py; this one looks on."""

    def begun(self, connection: Connection) -> None:
        """Act on a transaction that begins."""

    def committing(self, connection: Connection) -> None:
        """Act on a transaction that is about to be committed."""
        self.ending(connection)

    def ending(self, connection: Connection) -> None:
        """Act on a transaction that is about to end, either way."""

    def executing(self, connection: Connection, statement: str) -> None:
        """Act on a statement that is about to run."""

    def executed(self, connection: Connection, statement: str, rows: int | None = None) -> None:
        """Act on a statement that succeeded, and changed or gave so many rows, if that is known."""

    def failed(self, connection: Connection | None) -> None:
        """Act on a statement that failed."""


def table_of(context: MigrationContext) -> VersionTable:
    """Give the version table that env.py chose, and where its connection finds or would make it."""
    name = context.version_table.replace("'", "''")
    found_in = context.version_table_schema or first_row(context)(_FOUND_IN.format(name=name))[0]
    return VersionTable(context.version_table_schema, context.version_table, found_in)


def in_one_transaction(context: MigrationContext) -> bool:
    """Tell whether env.py chose Alembic's default: one transaction for all revisions."""
    chosen = context.opts.get("transaction_per_migration", False)
    return bool(context.impl.transactional_ddl and not chosen)


def first_row(context: MigrationContext) -> FirstRow:
    """Give a function that runs a query on env.py's connection and gives its first row."""
    connection = context.connection
    if connection is None:
        message = "env.py configured Alembic without a connection."
        raise ProjectError(message, hint="context.configure(connection=…) is what it needs.")
    if connection.dialect.name != "postgresql":
        message = f"env.py connects to a {connection.dialect.name} database, not to the target."
        raise ConfigurationError(message, hint="It does not use the URL it was given.")
    return lambda query: connection.exec_driver_sql(query).fetchone()


@contextmanager
def _watched(watcher: Watcher) -> Iterator[None]:
    def executed(connection: Connection, cursor: object, statement: str, *_: object) -> None:
        rows = getattr(cursor, "rowcount", None)
        watcher.executed(connection, statement, rows if rows != _UNKNOWN else None)

    def executing(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        watcher.executing(connection, statement)

    listeners = (
        ("begin", watcher.begun),
        ("commit", watcher.committing),
        ("rollback", watcher.ending),
        ("before_cursor_execute", executing),
        ("after_cursor_execute", executed),
        ("handle_error", lambda told: watcher.failed(told.connection)),
    )
    for name, listener in listeners:
        event.listen(Engine, name, listener)
    try:
        yield
    finally:
        for name, listener in listeners:
            event.remove(Engine, name, listener)


def _choose_transactions(environment: EnvironmentContext, choice: str) -> None:
    """Override env.py's choice where a setting says so.

    The instance is wrapped: a subclass would break Alembic's module proxies.
    """
    if choice == "project":
        return
    configure = environment.configure

    def configured(*args: Any, **options: Any) -> None:  # noqa: ANN401 - env.py's own
        options["transaction_per_migration"] = choice == "per-revision"
        configure(*args, **options)

    environment.configure = configured  # type: ignore[method-assign]
