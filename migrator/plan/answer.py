"""`migrator plan`: the forecast in the form that was asked for, and its exit code."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from migrator.errors import UsageError
from migrator.plan import plan as planning
from migrator.plan.render.html import html
from migrator.plan.render.markdown import markdown
from migrator.plan.render.terminal import text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from migrator.output.redaction import Redactor
    from migrator.plan.forecast import Forecast
    from migrator.plan.plan import PlanRequest
    from migrator.settings.table import Settings

PENDING, ABOVE = 3, 79
"""The exit codes that tell the answer."""


@dataclass(frozen=True, slots=True)
class Form:
    """How the answer is to be given."""

    name: str
    """`text`, `json` or `markdown`."""
    html: Path | None
    """Where the page is to be written."""
    codes: bool
    colours: bool
    hidden: Redactor
    """Masks the secrets, before anything is escaped."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The answer."""

    forecast: Forecast
    told: str
    exit_code: int

    def fields(self) -> dict[str, Any]:
        """Give it under the names of `plan --json`."""
        return self.forecast.fields()

    def __str__(self) -> str:
        """Give it in the form that was asked for."""
        return self.told


def plan(settings: Settings, request: PlanRequest, form: Form) -> Preview:
    """Find out what a run would do, and give it as it was asked for; the page is written too.

    Raises what keeps the copy from being made, and `UsageError` where the page cannot be written.
    """
    if form.html:
        _see_writable(form.html)
    found = planning.forecast(settings, request)
    shown: Forecast = form.hidden.value(found)
    if form.html:
        with _written(form.html) as file:
            file.write(html(shown, limit=settings.max_risk))
    told = _told(shown, form, settings.max_risk)
    return Preview(found, told, exit_code(found, settings.max_risk, codes=form.codes))


def _told(forecast: Forecast, form: Form, limit: str | None) -> str:
    if form.name == "json":
        return ""  # its fields are asked for
    if form.name == "markdown":
        return markdown(forecast, limit=limit)
    return text(forecast, limit=limit, colours=form.colours)


def exit_code(forecast: Forecast, limit: str | None, *, codes: bool) -> int:
    """Give the exit code: what fails in the rehearsal ends as it would end a run.

    Else it is 0 for any answer; with `codes` it tells whether something is pending, or is more of
    a risk than `limit` allows.
    """
    if forecast.trace.failure and forecast.fails:
        return forecast.trace.failure.exit_code
    if not codes:
        return 0
    if forecast.exceeds(limit):
        return ABOVE
    return PENDING if forecast.pending else 0


def _see_writable(path: Path) -> None:
    """See beforehand that the page can be written; leaves everything as it is."""
    there = path.exists()
    with _written(path, "a"):
        pass
    if not there:
        path.unlink()


@contextmanager
def _written(path: Path, mode: str = "w") -> Iterator[IO[str]]:
    try:
        with path.open(mode, encoding="utf-8") as file:
            yield file
    except OSError as error:
        message = f"--html: {str(path)!r} cannot be written: {error.strerror}."
        raise UsageError(message, hint="Nothing was changed in the target.") from None
