"""Safe steps for indexes: CONCURRENTLY, each in its own revision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.develop.new.operations import copied, outside
from migrator.develop.new.step import Change, Rewriting, Step

if TYPE_CHECKING:
    from alembic.operations.ops import CreateIndexOp, DropIndexOp

    from migrator.develop.new.facts import Facts

_CONCURRENTLY = "postgresql_concurrently"
_ALONE = (
    "A revision of its own, outside of a transaction: CONCURRENTLY cannot be in one. Where it"
    " fails half way, it leaves an invalid index, which has to be dropped."
)


def created(made: CreateIndexOp, gone: DropIndexOp, facts: Facts) -> Rewriting:
    """Build it beside the writers."""
    name = str(made.index_name)
    table = facts.qualified(made.schema, made.table_name)
    why = f"{name} is built CONCURRENTLY, so that {table} can be written to meanwhile."
    change = Change("index-not-concurrent", table, name, f"{why} {_ALONE}")
    return Rewriting((_alone(f"index {name}", change, made, gone),))


def dropped(gone: DropIndexOp, made: CreateIndexOp, facts: Facts) -> Rewriting:
    """Drop it without waiting in front of everyone; first, for its columns may go as well."""
    name = str(gone.index_name)
    table = facts.qualified(gone.schema, gone.table_name or made.table_name)
    why = f"{name} is dropped CONCURRENTLY: no query of {table} queues behind it."
    change = Change("index-not-concurrent", table, name, f"{why} {_ALONE}")
    return Rewriting((_alone(f"drop index {name}", change, gone, made),), first=True)


def _alone(
    title: str,
    change: Change,
    up: CreateIndexOp | DropIndexOp,
    down: CreateIndexOp | DropIndexOp,
) -> Step:
    """Give the step that does nothing else, in either direction."""
    return Step(title, change, (outside(concurrently(up)),), (outside(concurrently(down)),))


def concurrently(index: CreateIndexOp | DropIndexOp) -> CreateIndexOp | DropIndexOp:
    """Give the operation with the word."""
    found: CreateIndexOp | DropIndexOp = copied(index, kw={**index.kw, _CONCURRENTLY: True})
    return found
