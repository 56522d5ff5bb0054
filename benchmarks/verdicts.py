"""How many of the small revisions get the verdict that they must: by a plan, and by squawk alone.

Writes docs/reference/verdicts.md. The revisions are those of tests/plan/revisions; squawk gets the
statements that the plan has captured, because it cannot read Alembic's Python.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.revisions import cases, fill, planned, release
from benchmarks.server import PATH, own_server
from migrator.plan.hazards import squawk
from migrator.plan.trace.trace import Statement

if TYPE_CHECKING:
    from benchmarks.revisions import Case
    from migrator.plan.forecast import Forecast
    from migrator.plan.trace.trace import Trace

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "verdicts.md"
SQUAWK = Path(sys.executable).parent / "squawk"
_NO_REMARK_ON_A_REVISION = {"style", "the run sets it", "the run sets them"}
_STATEMENT_TIMEOUT = "require-statement-timeout"
TEXT = """\
# Verdicts

Written by `make bench-verdicts`; do not edit. {number} small revisions, each with the verdict that
it must get: one for each [hazard](hazards.md) and for its harmless twins. They are planned for a
database with a table of 1.2 million rows, one of 50,000 and one of 100 ([the
revisions](../../tests/plan/revisions)). A test holds the plan to this table, and another runs the
same revisions beside an app and compares the locks. They were written together with the hazards:
that the plan gets them right is a test, and no proof for a history that it has not seen.

{squawk} gets the same statements, as Alembic sends them. It reads text, and knows neither how large
a table is nor what was there before. It has one level, so it is right here where it says something
of what is not `safe`, or is accepted by a comment of ours, and nothing of what is. Its rules of
style (`prefer-` and the like) and those that ask for a timeout, which a run sets, are left aside.
eugene, which traces locks too, could not be had where this was made.

| by | as expected, hazards too | an alarm where it must be | false alarms | missed |
| --- | --- | --- | --- | --- |
| `migrator plan` | {exact} of {number} | {plan} of {number} | {plan_false} | {plan_missed} |
| squawk alone | - | {alone} of {number} | {alone_false} | {alone_missed} |

| revision | expected | plan | squawk |
| --- | --- | --- | --- |
{rows}
"""


@dataclass(frozen=True)
class Judged:
    """A revision, and what was said of it."""

    case: Case
    verdict: str
    hazards: tuple[str, ...]
    rules: tuple[str, ...]
    accepted: bool
    """Whether a comment of ours accepts what would be an alarm otherwise."""

    @property
    def exact(self) -> bool:
        """Whether the plan says what it must, no more and no less."""
        found = (self.verdict, sorted(self.hazards))
        return found == (self.case.verdict, sorted(self.case.hazards))

    @property
    def harmless(self) -> bool:
        """Whether nothing is to be said of it, whoever reads our comments or does not."""
        return self.case.verdict == "safe" and not self.accepted

    @property
    def row(self) -> str:
        """Its line of the table."""
        expected = _cell(self.case.verdict, self.case.hazards)
        plan = "as expected" if self.exact else _cell(self.verdict, self.hazards)
        right = self.harmless == (not self.rules)
        squawk = ", ".join(self.rules) or "nothing"
        told = squawk if right else f"**{'false alarm' if self.harmless else 'missed'}**: {squawk}"
        return f"| `{self.case.name}` | {expected} | {plan} | {told} |"


def main() -> None:
    """Judge each revision, and write the page."""
    os.environ["PATH"] = PATH
    with own_server() as server, server.fresh() as database, TemporaryDirectory() as folder:
        fill(database.rows)
        judged = [
            _judged(case, planned(release(Path(folder) / case.name, case), database.url))
            for case in cases()
        ]
    PAGE.write_text(_page(judged), encoding="utf-8")
    print(PAGE.read_text(encoding="utf-8").partition("| revision |")[0])


def _judged(case: Case, found: Forecast) -> Judged:
    hazards = tuple(dict.fromkeys(h.code for h in found.hazards if h.allowed is None))
    accepted = any(h.allowed and h.code != "no-downgrade" for h in found.hazards)
    return Judged(case, found.verdict, hazards, _rules(found.trace), accepted)


def _rules(trace: Trace) -> tuple[str, ...]:
    whole = _with_what_failed(trace)
    alone = any(statement.transaction is None for statement in whole.statements)
    options = () if alone else ("--assume-in-transaction",)
    said = [told["rule_name"] for _, told in squawk.said_of(whole, str(SQUAWK), *options)]
    return tuple(sorted({rule for rule in said if _counts(rule)}))


def _with_what_failed(trace: Trace) -> Trace:
    failure = trace.failure
    if failure is None or failure.statement is None or failure.revision is None:
        return trace
    number = len(trace.statements) + 1
    last = Statement(number, failure.revision, failure.statement, None, None, 0, None, 1)
    return replace(trace, statements=(*trace.statements, last))


def _counts(rule: str) -> bool:
    remark = squawk.LEFT_OUT.get(rule) in _NO_REMARK_ON_A_REVISION or rule == _STATEMENT_TIMEOUT
    return not rule.startswith("prefer-") and not remark


def _page(judged: list[Judged]) -> str:
    plan = [(each.case.verdict == "safe", each.verdict == "safe") for each in judged]
    alone = [(each.harmless, not each.rules) for each in judged]
    version = subprocess.run([SQUAWK, "--version"], capture_output=True, text=True, check=True)
    return TEXT.format(
        number=len(judged),
        squawk=version.stdout.strip(),
        exact=sum(each.exact for each in judged),
        plan=sum(must == does for must, does in plan),
        plan_false=plan.count((True, False)),
        plan_missed=plan.count((False, True)),
        alone=sum(must == does for must, does in alone),
        alone_false=alone.count((True, False)),
        alone_missed=alone.count((False, True)),
        rows="\n".join(each.row for each in judged),
    )


def _cell(verdict: str, hazards: tuple[str, ...]) -> str:
    return f"{verdict}: {', '.join(hazards)}" if hazards else verdict


if __name__ == "__main__":
    main()
