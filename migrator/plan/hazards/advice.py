"""The advice for each hazard: the safer way, in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator.plan.hazards.hazard import Hazard

if TYPE_CHECKING:
    from migrator.plan.trace.trace import Statement

_OWN_TRANSACTION = (
    "let each revision have its transaction: transaction_per_migration=True in env.py, or"
    " MIGRATOR_TRANSACTIONS=per-revision."
)
_EXPAND = (
    "Expand and contract: add the new column beside the old one and keep the two in step by a"
    " trigger, fill it by a backfill, let the app move to it, and drop the old one in a later"
    " release."
)
INSTEAD = {
    "rewrites-table": (
        "Do it where nobody needs the table: VACUUM FULL, CLUSTER, SET LOGGED and SET TABLESPACE in"
        " a maintenance window, or by pg_repack, which works beside the app."
    ),
    "volatile-default": (
        "Add the column without a default, which touches no row; then set the default, for new rows"
        " only; then fill the old rows in batches."
    ),
    "type-change-rewrites": _EXPAND,
    "not-null-full-scan": (
        "Let a CHECK that is NOT VALID prove it first: VALIDATE reads the table while everyone goes"
        " on, and SET NOT NULL then reads nothing."
    ),
    "constraint-without-not-valid": (
        "Add it NOT VALID, which looks at new rows only and takes a moment, and VALIDATE it in a"
        " transaction of its own: that reads the table while everyone goes on."
    ),
    "index-not-concurrent": (
        "Build it CONCURRENTLY, in a revision of its own: that takes longer and stops nobody."
    ),
    "unique-constraint-builds-index": (
        "Build a unique index CONCURRENTLY and make the constraint of it in the next revision,"
        " which takes a moment. An exclusion constraint has no such way."
    ),
    "exclusive-lock-on-large-table": (
        "Look for the form that works beside the app: REINDEX CONCURRENTLY, REFRESH MATERIALIZED"
        " VIEW CONCURRENTLY, a CHECK validated before ATTACH PARTITION; else do it while nobody"
        " needs the table."
    ),
    "lock-held-across-statements": (
        f"Put what takes long into a revision of its own, and {_OWN_TRANSACTION}"
    ),
    "table-locked-while-another-is-scanned": (
        f"Put what takes long into a revision of its own, and {_OWN_TRANSACTION}"
    ),
    "lock-order": f"Change one table in each revision, and {_OWN_TRANSACTION}",
    "drop-table": (
        "Let no release use it first; drop it in a later one, when the last that did is gone for"
        " good, and say so in the revision."
    ),
    "rename-table": (
        "Leave a view under the old name, made in the same transaction: old code reads and writes"
        " through it. Drop the view in a later release."
    ),
    "drop-column": (
        "Contract later: take the column out of the models and release that; drop it in the release"
        " after, when no older one runs any more, and say so in the revision."
    ),
    "rename-column": _EXPAND,
    "column-required": (
        "Let it be null, or have a default that the database fills in, until no running release"
        " inserts without it; demand it in a later one."
    ),
    "column-type-changed": _EXPAND,
    "bulk-data-change": (
        "Change the rows in batches that are committed one by one: outside the release by `migrator"
        " backfill`, or in a revision of their own."
    ),
    "truncate": (
        "See that nobody needs the rows and that a backup has them; delete them in batches where"
        " the app goes on using the table."
    ),
    "changes-nothing": (
        "See whether it was to do something: a condition that does not hold, IF NOT EXISTS on what"
        " is there, a forgotten op. Otherwise let upgrade() be `pass`."
    ),
    "no-downgrade": (
        "Write its downgrade(), so that a rollback can take it back; where there is no way back,"
        " say so in the revision."
    ),
    "enum-value-used": (
        "Add the value in an autocommit block, in a revision before the one that uses it."
    ),
    "fails": "Mend the revision: the run would fail in the same way.",
}
"""By the codes of all hazards there are, as the documentation has them."""


@dataclass(frozen=True, slots=True)
class Cause:
    """What is wrong, and why."""

    code: str
    reason: str
    example: str = ""

    def at(self, statement: Statement, table: str, level: str) -> Hazard:
        """Give the hazard that a statement is to a table."""
        return Hazard(
            code=self.code,
            level=level,
            revision=statement.revision,
            statement=statement.number,
            table=table,
            reason=self.reason,
            instead=INSTEAD[self.code],
            example=self.example,
        )
