"""Add what squawk finds in a plan's SQL, if the extra `lint` is installed."""

from __future__ import annotations

import json
import re
import shutil
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from typing import TYPE_CHECKING, Any

from migrator.plan.hazards.hazard import Hazard
from migrator.process.program import Child

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from migrator.plan.trace.trace import Statement, Trace

SAID_BY_US: Mapping[str, str] = {
    "adding-field-with-default": "volatile-default",
    "adding-foreign-key-constraint": "constraint-without-not-valid",
    "adding-not-nullable-field": "not-null-full-scan",
    "adding-required-field": "column-required",
    "adding-serial-primary-key-field": "unique-constraint-builds-index",
    "ban-concurrent-index-creation-in-transaction": "fails",
    "ban-drop-column": "drop-column",
    "ban-drop-default": "column-required",
    "ban-drop-table": "drop-table",
    "ban-drop-view": "drop-table",
    "ban-truncate-cascade": "truncate",
    "changing-column-type": "type-change-rewrites",
    "constraint-missing-not-valid": "constraint-without-not-valid",
    "disallowed-unique-constraint": "unique-constraint-builds-index",
    "renaming-column": "rename-column",
    "renaming-table": "rename-table",
    "require-concurrent-index-creation": "index-not-concurrent",
    "require-concurrent-reindex": "exclusive-lock-on-large-table",
    "syntax-error": "fails",
}
"""squawk's rules about what we see on the copy, with our hazard."""
LEFT_OUT: Mapping[str, str] = {
    "ban-char-field": "style",
    "ban-drop-constraint": "what old code writes, it may go on writing",
    "ban-drop-not-null": "the first step of contracting: no null comes before the new code",
    "require-concurrent-index-deletion": "a lock for a moment, which the run waits for",
    "require-concurrent-partition-detach": "a lock for a moment, which the run waits for",
    "require-enum-value-ordering": "style",
    "require-lock-timeout": "the run sets it",
    "require-statement-timeout": "MIGRATOR_STATEMENT_TIMEOUT sets it",
    "require-table-schema": "style",
    "require-timeout-settings": "the run sets them",
    "unused-ignore": "a remark on squawk's own comments",
}
"""Rules that are no hazard, with the reason; so are all that begin with `prefer-`: style."""
KEPT = (
    *("ban-alter-domain-with-add-constraint", "ban-create-domain-with-constraint"),
    *("ban-drop-database", "ban-drop-extension", "ban-drop-function", "ban-drop-schema"),
    *("ban-drop-sequence", "ban-drop-type", "ban-set-schema", "ban-uncommitted-transaction"),
    *("identifier-too-long", "renaming-object", "transaction-nesting"),
)
"""What is left; a rule that a later squawk adds, or its configuration asks for, is kept too."""
_PLACEHOLDER = re.compile(r"%(?:\(\w+\))?s|%%")
_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Remarks:
    """What squawk said, or why it said nothing."""

    hazards: tuple[Hazard, ...] = ()
    warnings: tuple[str, ...] = ()


def lint(trace: Trace) -> Remarks:
    """Give what squawk finds in the statements and we do not say; nothing where it is missing."""
    program = shutil.which("squawk", path=sysconfig.get_path("scripts")) or shutil.which("squawk")
    if program is None or not trace.statements:
        return Remarks()
    try:
        findings = said_of(trace, program, "--assume-in-transaction")
    except (OSError, ValueError) as error:
        return Remarks(warnings=(f"squawk failed, and its rules were not applied: {error}",))
    kept = {
        (at.number, one["rule_name"]): _hazard(at, one) for at, one in findings if _is_kept(one)
    }
    return Remarks(tuple(kept.values()))


def said_of(trace: Trace, program: str, *options: str) -> list[tuple[Statement, Mapping[str, Any]]]:
    """Give all that squawk says, each with the statement that it says it of.

    Raises `OSError` where it cannot be started, `ValueError` where its answer cannot be read.
    """
    with TemporaryDirectory(prefix="migrator-lint-") as folder:
        lines = dict(_written(trace, Path(folder)))
        command = [program, "--reporter", "json", *options, *lines]
        findings = json.loads(_output(command))
    return [(_at(lines[one["file"]], one["line"]), one) for one in findings]


def _written(trace: Trace, folder: Path) -> Iterator[tuple[str, list[Statement]]]:
    """Write a file for each revision; gives its path and the statement of each of its lines."""
    for number, revision in enumerate(trace.revisions):
        statements = trace.of(revision.revision)
        texts = [f"{_plain(statement.sql).strip().rstrip(';')};\n" for statement in statements]
        if texts:
            file = folder / f"{number}.sql"
            file.write_text("".join(texts), encoding="utf-8")
            pairs = zip(statements, texts, strict=True)
            yield str(file), [each for each, text in pairs for _ in range(text.count("\n"))]


def _plain(sql: str) -> str:
    """Give a statement without the driver's placeholders, which are no SQL."""
    return _PLACEHOLDER.sub(lambda found: "%" if found[0] == "%%" else "NULL", sql)


def _at(lines: list[Statement], line: int) -> Statement:
    return lines[min(line, len(lines) - 1)]


def _output(command: list[str]) -> bytes:
    said: list[str] = []
    child = Child(command, {}, said.append)
    late = Timer(_WITHIN_S, child.stop)
    late.start()
    try:
        output = b"".join(iter(child.read, b""))
        code = child.wait()
    finally:
        late.cancel()
        child.close()
    if code not in {0, 1}:  # 1: it has found something
        message = f"it ended with {code}. {' '.join(said)}"
        raise ValueError(message)
    return output


def _is_kept(told: Mapping[str, Any]) -> bool:
    rule = told["rule_name"]
    return rule not in SAID_BY_US and rule not in LEFT_OUT and not rule.startswith("prefer-")


def _hazard(statement: Statement, told: Mapping[str, Any]) -> Hazard:
    return Hazard(
        code=told["rule_name"],
        level="caution",
        revision=statement.revision,
        statement=statement.number,
        table=None,
        reason=told["message"],
        instead=told["help"] or "See the page of this rule of squawk.",
        found_by="squawk",
    )
