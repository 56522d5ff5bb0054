"""What a plan advises, and what the revisions of a page do: each as the SQL that it comes to."""

from __future__ import annotations

import io
import re
from contextlib import nullcontext
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from alembic.migration import MigrationContext
from alembic.operations import Operations

if TYPE_CHECKING:
    from migrator.plan.hazards.hazard import Hazard
    from tests.patterns.pages import Pattern

_SPELLINGS = re.compile(r"[\s()]+|\bpublic\.|\bUSING btree\b|::text", re.IGNORECASE)
"""What Alembic and Postgres's catalogue write differently, or one of them not at all."""


def advised(hazards: tuple[Hazard, ...]) -> set[str]:
    """Give the statements of the safer ways; without those that are for some table."""
    found: set[str] = set()
    block = SimpleNamespace(autocommit_block=nullcontext)
    op = SimpleNamespace(execute=lambda sql: found.add(_spelt(sql)), get_context=lambda: block)
    for hazard in hazards:
        if "get_bind" not in hazard.example and "the_type" not in hazard.example:
            exec(hazard.example, {"op": op})  # noqa: S102 - our own code
    return found


def done(page: Pattern) -> set[str]:
    """Give the statements of a page's revisions."""
    written = io.StringIO()
    context = MigrationContext.configure(
        dialect_name="postgresql", opts={"as_sql": True, "output_buffer": written}
    )
    with Operations.context(context):
        for release in page.releases:
            for text in release.revisions.values():
                _upgrade(text)
    return {_spelt(statement) for statement in re.split(r";\n\n", written.getvalue())}


def _upgrade(text: str) -> None:
    revision: dict[str, Any] = {}
    exec(text, revision)  # noqa: S102 - the page's own code
    revision["upgrade"]()


def _spelt(sql: str) -> str:
    return _SPELLINGS.sub("", sql).lower()
