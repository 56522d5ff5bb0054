"""Replace operations that would block an application by steps that do not.

A draft is one revision; with precautions it may be several: what runs CONCURRENTLY, and what
reads all of a table, is alone in its revision. Only tables that are in use already need any. Each
step can be taken back exactly to where the one before it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alembic.operations import ops

from migrator.develop.new import columns, constraints, indexes
from migrator.develop.new.operations import tables_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from migrator.develop.new.facts import Facts
    from migrator.develop.new.step import Change, Rewriting, Step

    Rule = Callable[[Any, Any, Facts], Rewriting | None]
    Place = tuple[ops.OpContainer, Any]
    Table = tuple[str | None, str]
    Key = tuple[str | None, str | None, str | None]

_RULES: dict[type, tuple[Rule, type]] = {
    ops.AddColumnOp: (columns.added, ops.DropColumnOp),
    ops.AlterColumnOp: (columns.not_null, ops.AlterColumnOp),
    ops.CreateIndexOp: (indexes.created, ops.DropIndexOp),
    ops.CreateUniqueConstraintOp: (constraints.unique, ops.DropConstraintOp),
    ops.CreateForeignKeyOp: (constraints.unproven, ops.DropConstraintOp),
    ops.CreateCheckConstraintOp: (constraints.unproven, ops.DropConstraintOp),
    ops.DropIndexOp: (indexes.dropped, ops.CreateIndexOp),
}
"""What is rewritten, by which rule, and what takes it back. In this order: a foreign key may need
the unique constraint before it."""


@dataclass(frozen=True, slots=True)
class Precautions:
    """What became of a draft, besides what is left in its own revision."""

    before: tuple[Step, ...]
    after: tuple[Step, ...]
    changes: tuple[Change, ...]
    """What was changed in the draft's own revision."""


def taken(script: ops.MigrationScript, facts: Facts) -> Precautions:
    """Take out of a draft, which is of one database, what needs precautions; it keeps the rest.

    What is left alone: tables that the draft makes or drops, partitioned ones, where Postgres knows
    no such steps, and what the draft does not take back by the opposite operation.
    """
    way = _Way(script.upgrade_ops_list[0], script.downgrade_ops_list[0], facts)
    found = [each for kind in _RULES for each in way.rewritten(kind)]
    return Precautions(
        tuple(step for each in found if each.first for step in each.steps),
        tuple(step for each in found if not each.first for step in each.steps),
        tuple(each.change for each in found if each.change),
    )


@dataclass
class _Way:
    """The way forth and back of a draft."""

    forth: ops.UpgradeOps
    back: ops.DowngradeOps
    facts: Facts
    new: set[Table] = field(default_factory=set)
    gone: set[Table] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.new = tables_of(self.forth.ops, ops.CreateTableOp)
        self.gone = tables_of(self.forth.ops, ops.DropTableOp)

    def rewritten(self, kind: type) -> Iterator[Rewriting]:
        """Rewrite the operations of a kind."""
        rule, opposite = _RULES[kind]
        for place in list(_walk(self.forth)):
            container, op = place
            if type(op) is not kind or self._is_left_alone(op):
                continue
            there = next((p for p in _walk(self.back) if _undoes(p[1], op, opposite)), None)
            if there and (found := rule(op, there[1], self.facts)):
                _replace(container, op, found.kept)
                _replace(*there, found.kept_back)
                yield found

    def _is_left_alone(self, op: Any) -> bool:  # noqa: ANN401 - an operation on a table
        schema, table, _ = _key(op)
        if isinstance(op, ops.CreateForeignKeyOp):
            other = (op.kw.get("referent_schema"), op.referent_table)
            if other in self.facts.partitioned:
                return True
        return (schema, table) in self.new | self.gone | self.facts.partitioned


def _walk(container: ops.OpContainer) -> Iterator[Place]:
    for op in container.ops:
        if isinstance(op, ops.OpContainer):
            yield from _walk(op)
        else:
            yield container, op


def _key(op: Any) -> Key:  # noqa: ANN401 - an operation on a table
    """Give the schema, the table, and the name of what an operation is about."""
    table = op.source_table if isinstance(op, ops.CreateForeignKeyOp) else op.table_name
    schema = op.kw.get("source_schema") if isinstance(op, ops.CreateForeignKeyOp) else op.schema
    column = getattr(op, "column", None)
    names = (getattr(op, each, None) for each in ("index_name", "constraint_name", "column_name"))
    return schema, table, column.name if column is not None else next(filter(None, names), None)


def _undoes(op: Any, done: Any, kind: type) -> bool:  # noqa: ANN401 - operations
    if type(op) is not kind or _key(op) != _key(done):
        return False
    of = getattr(op, "constraint_type", None)
    return of is None or of == getattr(done, "constraint_type", None)


def _replace(container: ops.OpContainer, op: Any, kept: tuple[Any, ...]) -> None:  # noqa: ANN401
    place = next(n for n, each in enumerate(container.ops) if each is op)
    container.ops[place : place + 1] = kept
