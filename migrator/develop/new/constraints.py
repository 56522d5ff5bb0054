"""Safe steps for constraints: NOT VALID first, VALIDATE in a revision that blocks nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alembic.operations import ops
from sqlalchemy.sql.elements import conv

from migrator.develop.new.facts import name_of
from migrator.develop.new.indexes import concurrently
from migrator.develop.new.operations import NotValid, copied, outside, statement
from migrator.develop.new.step import Change, Rewriting, Step

if TYPE_CHECKING:
    from migrator.develop.new.facts import Facts

_OF_INDEX = {"postgresql_include", "postgresql_nulls_not_distinct"}
_OF_CONSTRAINT = {"deferrable", "initially"}


def unproven(
    made: ops.CreateForeignKeyOp | ops.CreateCheckConstraintOp,
    gone: ops.DropConstraintOp,
    facts: Facts,
) -> Rewriting | None:
    """Add it NOT VALID, and let the next revision read the rows."""
    if made.constraint_name is None and not isinstance(made, ops.CreateForeignKeyOp):
        return None
    schema, table = gone.schema, gone.table_name
    name = _name(made, table, *getattr(made, "local_cols", ()), "fkey")
    made, gone = copied(made, constraint_name=name), copied(gone, constraint_name=name)
    on = facts.qualified(schema, table)
    kind, addition = _unproven(made, on, name, facts)
    why = (
        f"The {kind} {name} is added NOT VALID, which takes a moment and holds for new rows: the"
        f" rows of {on} are not read while nobody can write. The next revision reads them."
    )
    return Rewriting(
        (
            Step(
                f"{kind} {name}",
                Change("constraint-without-not-valid", on, name, why),
                (addition,),
                (gone,),
            ),
            Step(
                f"validate {name}",
                _proof(on, name),
                (validation(on, name, facts),),
                (gone, addition),
                back="Not valid again, as the revision below has it.",
            ),
        )
    )


def _unproven(
    made: ops.CreateForeignKeyOp | ops.CreateCheckConstraintOp, on: str, name: str, facts: Facts
) -> tuple[str, ops.MigrateOperation]:
    """Give what a constraint is called, and the operation that adds it NOT VALID."""
    if isinstance(made, ops.CreateForeignKeyOp):
        return "foreign key", NotValid(made)
    condition = facts.condition(made.to_constraint().sqltext)
    added = f"ADD CONSTRAINT {facts.quoted(name)} CHECK ({condition}) NOT VALID"
    return "check", statement(f"ALTER TABLE {on} {added}")


def validation(on: str, name: str, facts: Facts) -> Any:  # noqa: ANN401 - an operation
    """Give the block that proves a constraint for the rows that are there."""
    return outside(statement(f"ALTER TABLE {on} VALIDATE CONSTRAINT {facts.quoted(name)}"))


def _proof(on: str, name: str) -> Change:
    why = (
        f"{name} is proven for the rows that were there before it, while everyone goes on using"
        f" {on}; outside of a transaction, so that no other lock is held as long. It fails where a"
        " row breaks it: mend the rows and run it again."
    )
    return Change("constraint-without-not-valid", on, name, why)


def unique(
    made: ops.CreateUniqueConstraintOp, _: ops.DropConstraintOp, facts: Facts
) -> Rewriting | None:
    """Build its index beside the writers, and make the constraint of it."""
    if set(made.kw) - _OF_INDEX - _OF_CONSTRAINT:
        return None
    on = facts.qualified(made.schema, made.table_name)
    name = _name(made, made.table_name, *made.columns, "key")
    index = concurrently(
        ops.CreateIndexOp(
            name,
            made.table_name,
            list(made.columns),
            schema=made.schema,
            unique=True,
            **{key: value for key, value in made.kw.items() if key in _OF_INDEX},
        )
    )
    away = statement(f"DROP INDEX CONCURRENTLY IF EXISTS {facts.qualified(made.schema, name)}")
    return Rewriting(
        (
            Step(f"unique index {name}", _index(on, name), (outside(index),), (outside(away),)),
            Step(
                f"unique {name}",
                _constraint(on, name),
                (statement(_using(made, on, name, facts)),),
                (statement(_without(on, name, facts)), outside(away, index)),
                back="The constraint takes its index with it, and the revision below has one.",
            ),
        )
    )


def _index(on: str, name: str) -> Change:
    why = (
        f"{name} is built as a unique index first, CONCURRENTLY, so that {on} can be used"
        " meanwhile; the next revision makes the constraint of it. Outside of a transaction:"
        " CONCURRENTLY cannot be in one. It fails where two rows are the same, and leaves an"
        " invalid index, which has to be dropped."
    )
    return Change("unique-constraint-builds-index", on, name, why)


def _constraint(on: str, name: str) -> Change:
    why = f"{name} takes the index that is there: no row of {on} is read."
    return Change("unique-constraint-builds-index", on, name, why)


def _using(made: ops.CreateUniqueConstraintOp, on: str, name: str, facts: Facts) -> str:
    quoted = facts.quoted(name)
    words = [f"ALTER TABLE {on} ADD CONSTRAINT {quoted} UNIQUE USING INDEX {quoted}"]
    words += ["DEFERRABLE"] if made.kw.get("deferrable") else []
    words += [f"INITIALLY {made.kw['initially']}"] if made.kw.get("initially") else []
    return " ".join(words)


def _without(on: str, name: str, facts: Facts) -> str:
    return f"ALTER TABLE {on} DROP CONSTRAINT IF EXISTS {facts.quoted(name)}"


def _name(made: Any, *parts: str) -> str:  # noqa: ANN401 - an AddConstraintOp
    """Give its name, or where the models have none the one that Postgres would give it."""
    given: str | None = made.constraint_name
    return conv(name_of(*parts)) if given is None else given
