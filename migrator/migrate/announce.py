"""Log what a run is going to do (`plan.made`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.output.log import Event, emit
from migrator.output.text import counted

if TYPE_CHECKING:
    from migrator.project.plan import MigrationPlan

_MOST_NAMED = 4


def announce(plan: MigrationPlan, invalid_indexes: frozenset[str]) -> None:
    """Log what is going to be done, and what is broken already and is left alone."""
    way = plan.paths[0]
    told = (
        f"Going to {way.todo} {counted(len(plan.pending), 'revision')}: {_spanned(plan.pending)}."
    )
    if invalid_indexes:
        told += (
            "\nAn invalid index was there before; drop it and build it again:"
            f" {drops(invalid_indexes)}"
        )
    in_one = any(h.in_one_transaction for h in plan.paths)
    if in_one and len(plan.pending) > 1:
        told += (
            "\nThey run in one transaction: a lock that the first takes is held until the last is"
            " done, and a retry begins anew. MIGRATOR_TRANSACTIONS=per-revision changes that."
        )
    emit(
        Event.PLAN_MADE,
        told,
        level="warn" if invalid_indexes else "info",
        pending=list(plan.pending),
        invalid_indexes=sorted(invalid_indexes),
        transactions="one" if in_one else "per-revision",
        **way.told,
    )


def _spanned(pending: tuple[str, ...]) -> str:
    if len(pending) <= _MOST_NAMED:
        return ", ".join(pending)
    return f"{pending[0]} … {pending[-1]}"


def drops(indexes: frozenset[str]) -> str:
    """Give the statements that take invalid indexes away without a long lock."""
    return " ".join(f"DROP INDEX CONCURRENTLY {name};" for name in sorted(indexes))
