"""The division: one table in use to a revision, so that none is locked while another is changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alembic.operations import ops

from migrator.develop.new.operations import tables_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    Table = tuple[str | None, str]


@dataclass
class Share:
    """A part of a draft: what it does, what takes it back, and which tables in use it locks."""

    up: list[Any] = field(default_factory=list)
    down: list[Any] = field(default_factory=list)
    tables: set[Table] = field(default_factory=set)

    @property
    def title(self) -> str:
        """Its tables by their names."""
        return ", ".join(sorted(table for _, table in self.tables)) or "new tables"


def divided(script: ops.MigrationScript) -> list[Share]:
    """Give the shares of a draft in order; one where it cannot be told what belongs together."""
    forth, back = script.upgrade_ops_list[0].ops, script.downgrade_ops_list[0].ops
    new, pairs = tables_of(forth, ops.CreateTableOp), [(op, _opposite(op, back)) for op in forth]
    paired = [other for _, other in pairs if other is not None]
    if len(paired) != len(forth) or len({id(each) for each in paired}) != len(back):
        return [Share(list(forth), list(back))]
    shares = [Share()]
    for op, other in pairs:
        touched = set(_touched(op)) - new
        if len(shares[-1].tables | touched) > 1 and shares[-1].tables:
            shares.append(Share())
        shares[-1].up.append(op)
        shares[-1].down.append(other)
        shares[-1].tables |= touched
    for share in shares:
        share.down.sort(key=lambda op: next(n for n, each in enumerate(back) if each is op))
    return shares


def _opposite(op: Any, back: list[Any]) -> Any:  # noqa: ANN401 - an operation, or None
    """Give the operation that takes another back, where there is just one."""
    kind = {
        ops.CreateTableOp: ops.DropTableOp,
        ops.DropTableOp: ops.CreateTableOp,
        ops.ModifyTableOps: ops.ModifyTableOps,
    }.get(type(op))
    place = (getattr(op, "schema", None), getattr(op, "table_name", None))
    found = [each for each in back if type(each) is kind and _place(each) == place]
    return found[0] if len(found) == 1 else None


def _place(op: Any) -> Table:  # noqa: ANN401 - an operation on a table
    return op.schema, op.table_name


def _touched(op: Any) -> Iterator[Table]:  # noqa: ANN401 - an operation on a table
    """Give the tables that an operation locks: a foreign key locks the one it refers to."""
    yield _place(op)
    table = op.to_table() if isinstance(op, ops.CreateTableOp | ops.DropTableOp) else None
    for key in table.foreign_keys if table is not None else ():
        *schema, name, _ = key.target_fullname.split(".")
        yield ".".join(schema) or None, name
