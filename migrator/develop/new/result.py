"""The result of `migrator new`: the files, and what came of trying them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from migrator.output.text import counted
from migrator.plan.hazards.hazard import counts
from migrator.plan.render.terminal import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrator.develop.new.prove import Proof
    from migrator.develop.new.write import Written
    from migrator.plan.hazards.hazard import Hazard

_FOUND = 3


@dataclass(frozen=True, slots=True)
class Novelty:
    """The new revisions, in order; none where the models ask for nothing."""

    written: tuple[Written, ...]
    proof: Proof | None = None
    """None where nothing is proven: the revision is empty, or none was written."""
    limit: str | None = None
    """What MIGRATOR_MAX_RISK says."""
    colours: bool = False
    nothing: str = ""
    """Why nothing was written."""

    @property
    def hazards(self) -> tuple[Hazard, ...]:
        """The hazards that count."""
        found = self.proof.forecast.hazards if self.proof else ()
        return tuple(each for each in found if counts(each, self.limit))

    @property
    def exit_code(self) -> int:
        """0 where all is well, 3 where something was found in what was written."""
        return _FOUND if self.hazards or (self.proof and self.proof.findings) else 0

    def fields(self) -> dict[str, Any]:
        """Give it under the names of `--json`."""
        proof = self.proof
        return {
            "ok": self.exit_code == 0,
            "revisions": [_fields(each) for each in self.written],
            "verdict": proof.forecast.verdict if proof else None,
            "hazards": [each.fields() for each in proof.forecast.hazards] if proof else [],
            "findings": [asdict(each) for each in proof.findings] if proof else [],
            "error": None,
        }

    def __str__(self) -> str:
        """Give it for a person."""
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        if not self.written:
            yield f"Nothing was written: {self.nothing}"
            return
        yield f"Wrote {counted(len(self.written), 'revision')}:"
        for each in self.written:
            yield f"  {each.file}"
            for change in each.changes:
                yield f"    {change.sentence}"
        if self.proof:
            yield from self._proven(self.proof)

    def _proven(self, proof: Proof) -> Iterator[str]:
        yield ""
        yield "Up, down and up again on an empty database: " + (
            "something is wrong." if proof.findings else "no difference."
        )
        for finding in proof.findings:
            yield from (f"  {line}" for line in finding.lines())
        yield ""
        yield text(proof.forecast, limit=self.limit, colours=self.colours)


def _fields(written: Written) -> dict[str, Any]:
    return {
        "revision": written.revision,
        "down_revision": written.down_revision,
        "message": written.message,
        "file": written.file,
        "changes": [asdict(each) for each in written.changes],
    }
