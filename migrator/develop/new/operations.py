"""Operations that Alembic's autogenerate lacks, and how they are written in a revision file."""

from __future__ import annotations

import re
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from alembic.autogenerate import render, renderers
from alembic.operations import ops

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from alembic.autogenerate.api import AutogenContext

_BIND = re.compile(r"(?<![:\w]):(?=\w)")
"""What SQLAlchemy's text() would take for a parameter; it takes `\\:` for a colon."""
_WIDTH = 88


class Remark(ops.MigrateOperation):
    """A comment for whoever reads the file."""

    def __init__(self, text: str) -> None:
        """Say this."""
        self.text = text


class OutsideTransaction(ops.OpContainer):
    """Operations that are committed one by one: `autocommit_block`."""


class NotValid(ops.MigrateOperation):
    """A constraint that is not checked for the rows that are there."""

    def __init__(self, constraint: ops.AddConstraintOp) -> None:
        """Add this one so."""
        self.constraint = constraint


def statement(sql: str) -> ops.ExecuteSQLOp:
    """Give the operation that runs a statement."""
    return ops.ExecuteSQLOp(_BIND.sub(r"\\:", sql))


def outside(*operations: ops.MigrateOperation) -> OutsideTransaction:
    """Give the block that runs these outside of the revision's transaction."""
    return OutsideTransaction(operations)


@renderers.dispatch_for(Remark)
def _remark(_: AutogenContext, remark: Remark) -> list[str]:
    return [f"# {line}" for line in wrap(remark.text, _WIDTH)]


@renderers.dispatch_for(OutsideTransaction)
def _outside(context: AutogenContext, block: OutsideTransaction) -> list[str]:
    lines = [line for op in block.ops for line in render.render_op(context, op)]
    prefix = render._alembic_autogenerate_prefix(context)  # noqa: SLF001 - as all renderers do
    return [f"with {prefix}get_context().autocommit_block():", *lines, ""]


@renderers.dispatch_for(NotValid)
def _not_valid(context: AutogenContext, unproven: NotValid) -> str:
    text = render.render_op_text(context, unproven.constraint)
    return f"{text.removesuffix(')')}, postgresql_not_valid=True)"


def within(operations: Sequence[Any]) -> Iterator[Any]:
    """Give operations, those that stand together under their table one by one."""
    for op in operations:
        if isinstance(op, ops.OpContainer):
            yield from within(op.ops)
        else:
            yield op


def tables_of(
    operations: Sequence[Any], kind: type[ops.CreateTableOp | ops.DropTableOp]
) -> set[tuple[str | None, str]]:
    """Give the tables, each with its schema, that operations of a kind are about."""
    return {(op.schema, op.table_name) for op in operations if isinstance(op, kind)}


def copied(operation: Any, **changes: Any) -> Any:  # noqa: ANN401 - one of Alembic's operations
    """Give an operation like this one that differs in these attributes."""
    made = object.__new__(type(operation))
    made.__dict__.update(operation.__dict__, **changes)
    return made
