"""Run the project's own env.py, as `alembic` would, and observe it from outside.

Nothing in the project is edited: `EnvironmentContext` is built as `alembic.command.upgrade`
does it, and SQLAlchemy's events on the `Engine` class see every engine that env.py makes, the
synchronous side of an asynchronous one included.
"""

from __future__ import annotations

import ast
from contextlib import ExitStack, contextmanager, redirect_stdout
from sys import stderr
from typing import TYPE_CHECKING, Any

from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import RevisionStep
from sqlalchemy import event
from sqlalchemy.engine import Engine

from migrator.database.version_table import VersionTable
from migrator.errors import ConfigurationError, MigratorError, ProjectError
from migrator.project import environ, failure
from migrator.project.failure import Circumstances
from migrator.project.listeners import Listener
from migrator.project.revisions import called

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from alembic.autogenerate import RevisionContext
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy.engine import Connection

    from migrator.project.find import Project
    from migrator.project.listeners import FirstRow

    Work = Callable[[tuple[str, ...], MigrationContext], Iterable[Any]]
    Witness = Callable[[FirstRow], None]


_UNKNOWN = -1
"""What a driver gives for a number of rows that it does not know (PEP 249)."""
_FOUND_IN = """
SELECT coalesce(
    (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = to_regclass(quote_ident('{name}'))),
    current_schema()),
 replace(current_setting('search_path'), '"$user"', quote_ident(current_user))
"""


def run(  # noqa: PLR0913 - as Alembic has them
    project: Project,
    work: Work = lambda *_: (),
    *,
    only_look: bool = False,
    purge: bool = False,
    listener: Listener | None = None,
    revision: RevisionContext | None = None,
    refused: list[MigratorError] | None = None,
    at_failure: Callable[[], Circumstances] = Circumstances,
) -> None:
    """Run env.py with `work` in the place of the function that Alembic's command has.

    With `purge` Alembic empties the version table first; `revision` is what `alembic revision`
    lets env.py know of. Our own errors that `work` raises are also in `refused`.

    Raises the `MigratorError` that env.py, or the revision that was running, ended in; `at_failure`
    is asked what else is known then. What `work` refused is raised even if env.py swallowed it. An
    interruption comes out as it is.
    """
    how: dict[str, Any] = {"dont_mutate": True} if only_look else {"purge": True} if purge else {}
    if revision is not None:
        how |= {"revision_context": revision, "template_args": revision.template_args}
    refusals = [] if refused is None else refused
    steps = _Steps(work, refusals)
    try:
        _run(project, steps, listener or Listener(), how)
    except BaseException as error:  # noqa: BLE001 - env.py and revisions may raise anything
        failure.pass_on_interruption(error)
        if not refusals:
            known = at_failure()
            ours = failure.of_run(error, steps.running, project, known, at_commit=steps.ran_any)
            raise ours from None
    if refusals:
        raise refusals[0] from None


class _Steps:
    """The steps that `work` gives, for Alembic to run; knows which one runs."""

    def __init__(self, work: Work, refused: list[MigratorError]) -> None:
        self._work, self._refused = work, refused
        self.running: str | None = None
        """What runs, in words; None between two revisions."""
        self.ran_any = False

    def __call__(self, heads: tuple[str, ...], context: MigrationContext) -> Iterator[Any]:
        self.running = None
        try:
            for step in self._work(heads, context):
                if isinstance(step, RevisionStep):  # and no StampStep
                    self.running = called(step.revision.revision, upgrade=step.is_upgrade)
                yield step
                self.ran_any |= self.running is not None
                self.running = None
        except MigratorError as error:
            self._refused.append(error)
            raise


def _run(project: Project, work: Work, listener: Listener, how: Mapping[str, Any]) -> None:
    settings = project.settings
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(stderr))
        stack.enter_context(environ.as_under_alembic(settings.database_url, project.line))
        stack.enter_context(project.within())
        stack.enter_context(_heard(listener))
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


def table_of(context: MigrationContext) -> VersionTable:
    """Give the version table that env.py chose, and where its connection finds or would make it."""
    name = context.version_table.replace("'", "''")
    schema = context.version_table_schema
    found_in, path = first_row(context)(_FOUND_IN.format(name=name))
    options = context.connection.get_execution_options() if context.connection else {}
    translated = schema in (options.get("schema_translate_map") or {})
    return VersionTable(
        schema, context.version_table, schema or found_in, None if translated else path
    )


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
def _heard(listener: Listener) -> Iterator[None]:
    def executed(connection: Connection, cursor: object, statement: str, *_: object) -> None:
        rows = getattr(cursor, "rowcount", None)
        listener.executed(connection, statement, rows if rows != _UNKNOWN else None)

    def executing(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        listener.executing(connection, statement)

    heard = (
        ("begin", listener.begun),
        ("commit", listener.committing),
        ("rollback", listener.ending),
        ("before_cursor_execute", executing),
        ("after_cursor_execute", executed),
        ("handle_error", lambda told: listener.failed(told.connection)),
    )
    for name, function in heard:
        event.listen(Engine, name, function)
    try:
        yield
    finally:
        for name, function in heard:
            event.remove(Engine, name, function)


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


_LOOPS = (
    *(ast.For, ast.AsyncFor, ast.While),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)


_STEPS = {"configure", "run_migrations", "begin_transaction", "map", "gather"}


def may_repeat(source: bytes) -> bool:
    """Tell whether a loop may configure Alembic, by itself or by a function of the file."""
    tree = ast.parse(source)
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    steps = _STEPS | {node.name for node in ast.walk(tree) if isinstance(node, functions)}
    return any(
        _called(call) in steps
        for loop in ast.walk(tree)
        if isinstance(loop, _LOOPS)
        for call in ast.walk(loop)
        if isinstance(call, ast.Call)
    ) or bool({_called(call) for call in ast.walk(tree)} & {"map", "gather"})


def _called(call: ast.AST) -> str | None:
    if not isinstance(call, ast.Call):
        return None
    return getattr(call.func, "id", None) or getattr(call.func, "attr", None)
