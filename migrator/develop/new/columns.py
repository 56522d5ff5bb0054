"""Safe steps for columns: NOT NULL through a validated CHECK, new columns nullable first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alembic.operations import ops

from migrator.develop.new.constraints import validation
from migrator.develop.new.facts import name_of
from migrator.develop.new.operations import copied, statement
from migrator.develop.new.step import Change, Rewriting, Step

if TYPE_CHECKING:
    from migrator.develop.new.facts import Facts

_LATER = (
    "NOT NULL follows by itself, proven first, with the next `migrator new` once every row has a"
    " value."
)


def not_null(made: ops.AlterColumnOp, back: ops.AlterColumnOp, facts: Facts) -> Rewriting | None:
    """Let a CHECK prove it; what else changes of the column stays where it was."""
    if made.modify_nullable is not False:
        return None
    on = facts.qualified(made.schema, made.table_name)
    column, check = made.column_name, name_of(made.table_name, made.column_name, "is_set")
    added = statement(
        f"ALTER TABLE {on} ADD CONSTRAINT {facts.quoted(check)}"
        f" CHECK ({facts.quoted(column)} IS NOT NULL) NOT VALID"
    )
    dropped = statement(f"ALTER TABLE {on} DROP CONSTRAINT {facts.quoted(check)}")
    why = (
        f"NOT NULL on {column} of {on} is proven by a CHECK first. It is added NOT VALID, which"
        " takes a moment and holds for new rows. The next revision reads the rows."
    )
    steps = (
        Step(
            f"check {check}",
            Change("not-null-full-scan", on, column, why),
            (added,),
            (dropped,),
        ),
        Step(
            f"not null {column}",
            _proven(on, column, check),
            (validation(on, check, facts), _only(made, nullable=False), dropped),
            (_only(back, nullable=True), added),
        ),
    )
    return Rewriting(steps, kept=_rest(made, nullable=True), kept_back=_rest(back, nullable=True))


def _proven(on: str, column: str, check: str) -> Change:
    why = (
        f"{check} is proven while everyone goes on using {on}; outside of a transaction, so that no"
        f" other lock is held as long. SET NOT NULL then reads no row of {column}, and the CHECK"
        " has done its work. It fails where a row has no value: fill them and run it again."
    )
    return Change("not-null-full-scan", on, column, why)


def _only(altered: ops.AlterColumnOp, *, nullable: bool) -> ops.AlterColumnOp:
    """Give what is changed of NOT NULL, and nothing else of the same column."""
    return ops.AlterColumnOp(
        altered.table_name,
        altered.column_name,
        schema=altered.schema,
        existing_type=altered.existing_type if nullable else _type_after(altered),
        modify_nullable=nullable,
    )


def _type_after(altered: ops.AlterColumnOp) -> Any:  # noqa: ANN401 - a type, where it is known
    return altered.existing_type if altered.modify_type is None else altered.modify_type


def _rest(altered: ops.AlterColumnOp, *, nullable: bool) -> tuple[ops.AlterColumnOp, ...]:
    rest = copied(altered, modify_nullable=None, existing_nullable=nullable)
    return (rest,) if rest.has_changes() else ()


def added(made: ops.AddColumnOp, gone: ops.DropColumnOp, facts: Facts) -> Rewriting | None:
    """Let a column be null that would need a value in rows that are there, and none is known."""
    column: Any = made.column
    volatile = facts.differs_by_row(column.server_default)
    required = not column.nullable and column.server_default is None
    if column.primary_key or column.identity or column.computed or not (volatile or required):
        return None
    on = facts.qualified(made.schema, made.table_name)
    if volatile:
        return _defaulted_later(made, gone, on)
    why = (
        f"{column.name} of {on} is NOT NULL in the models and may be null here: the rows that are"
        " there have no value for it, and the release that is still running gives none. Fill the"
        f" rows (migrator backfill). {_LATER} With a constant server_default it could be NOT NULL"
        " at once."
    )
    kept = (copied(made, column=_like(column, nullable=True)),)
    change = Change("column-required", on, column.name, why)
    return Rewriting(kept=kept, kept_back=(gone,), change=change)


def _defaulted_later(made: ops.AddColumnOp, gone: ops.DropColumnOp, on: str) -> Rewriting:
    column: Any = made.column
    default = ops.AlterColumnOp(
        made.table_name,
        column.name,
        schema=made.schema,
        existing_type=column.type,
        modify_server_default=column.server_default,
    )
    why = (
        f"The default of {column.name} differs from row to row: with it, all of {on} would be"
        " written anew while nobody can use it. So the column comes without, and the default is"
        " set afterwards, for new rows. Fill the old ones (migrator backfill)."
    )
    why += "" if column.nullable else f" {_LATER}"
    bare = copied(made, column=_like(column, nullable=True, server_default=None))
    change = Change("volatile-default", on, column.name, why)
    return Rewriting(kept=(bare, default), kept_back=(gone,), change=change)


def _like(column: Any, **changes: Any) -> Any:  # noqa: ANN401 - a Column
    """Give a column like this one, of no table."""
    made = column._copy()  # noqa: SLF001 - as Alembic copies a column
    for name, value in changes.items():
        setattr(made, name, value)
    return made
