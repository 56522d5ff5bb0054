"""Split a draft with its safe steps into the revisions to write, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alembic.operations import ops
from alembic.util import rev_id

from migrator.develop.new.enums import Enums
from migrator.develop.new.operations import Remark, tables_of
from migrator.develop.new.safe_steps import taken

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from migrator.develop.new.facts import Facts
    from migrator.develop.new.step import Change

    Table = tuple[str | None, str]


@dataclass(frozen=True, slots=True)
class Part:
    """A revision to be written, and what was changed in it."""

    script: ops.MigrationScript
    changes: tuple[Change, ...] = ()


def series(draft: ops.MigrationScript, facts: Facts) -> tuple[Part, ...]:
    """Give the revisions that take the place of a draft of one database; it is taken apart."""
    found = taken(draft, facts)
    before, after = (
        [_made(draft, step.title, step.up, step.down, (step.change,), step.back) for step in steps]
        for steps in (found.before, found.after)
    )
    parts = (*before, *_shares(draft, found.changes, facts), *after)
    _named(parts, draft.message)
    _chained([part.script for part in parts], draft)
    return parts


def is_empty(script: ops.MigrationScript) -> bool:
    """Tell whether nothing is to be done in any of its databases."""
    containers = (*script.upgrade_ops_list, *script.downgrade_ops_list)
    return not any(map(_has_any, containers))


def _has_any(op: Any) -> bool:  # noqa: ANN401 - an operation
    return any(map(_has_any, op.ops)) if isinstance(op, ops.OpContainer) else True


def _shares(draft: ops.MigrationScript, changes: Sequence[Change], facts: Facts) -> list[Part]:
    """Give what is left of the draft itself."""
    for container in (draft.upgrade_ops_list[0], draft.downgrade_ops_list[0]):
        container.ops[:] = filter(_has_any, container.ops)
    if is_empty(draft):
        return []
    parts: list[Part] = []
    enums = Enums(facts)
    for share in divided(draft):
        names = {facts.qualified(*table) for table in share.tables}
        mine = tuple(each for each in changes if each.table in names or not names)
        title = share.title if parts else draft.message or ""
        parts.append(_made(draft, title, *enums.framed(share.up, share.down), mine))
    return parts


def _made(  # noqa: PLR0913, PLR0917 - what a revision is made of
    draft: ops.MigrationScript,
    title: str,
    up: Sequence[Any],
    down: Sequence[Any],
    changes: tuple[Change, ...],
    back: str = "",
) -> Part:
    """Give a revision; its imports and place are the draft's."""
    remarks = [Remark(each.why) for each in changes]
    forth, below = draft.upgrade_ops_list[0], draft.downgrade_ops_list[0]
    made = ops.MigrationScript(
        rev_id=None,
        message=title,
        upgrade_ops=ops.UpgradeOps([*remarks, *up], upgrade_token=forth.upgrade_token),
        downgrade_ops=ops.DowngradeOps(
            [*([Remark(back)] if back else []), *down], downgrade_token=below.downgrade_token
        ),
        imports=draft.imports,
        version_path=draft.version_path,
    )
    made._needs_render = True  # noqa: SLF001 - as for what autogenerate has made
    return Part(made, changes)


def _named(parts: Sequence[Part], message: str | None) -> None:
    """Give each its message: what was asked for, and of several, which step it is."""
    for part in parts:
        told = part.script.message
        same = len(parts) == 1 or told == message
        part.script.message = message if same else f"{message}: {told}"


def _chained(scripts: list[ops.MigrationScript], draft: ops.MigrationScript) -> None:
    """Let each follow the one before it; the first is where the draft was to be, with its id."""
    first = draft.rev_id or rev_id()
    for number, script in enumerate(scripts):
        script.rev_id = _after(first, number)
        script.head = scripts[number - 1].rev_id
    head = scripts[0]
    head.head, head.splice = draft.head, draft.splice
    head.branch_label, head.depends_on = draft.branch_label, draft.depends_on


def _after(first: str, number: int) -> str:
    """Give the id of a later revision; a project that counts its revisions goes on counting."""
    if number == 0:
        return first
    return f"{int(first) + number:0{len(first)}}" if first.isdigit() else rev_id()


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
