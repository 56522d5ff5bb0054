"""An inquiry: a command that answers a question, on standard output; its log goes elsewhere."""

from __future__ import annotations

import json
import sys
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from migrator.process import signals
from migrator.process.boundary import concluded, logging
from migrator.settings import load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from migrator.errors import MigratorError
    from migrator.output.redaction import Redactor
    from migrator.settings.table import Settings


class Answer(Protocol):
    """What a question was answered with; its text is for a person."""

    @property
    def exit_code(self) -> int:
        """What the process ends with."""

    def fields(self) -> Mapping[str, Any]:
        """Give the answer under the names that scripts rely on."""


def answered(
    question: Callable[[Settings], Answer],
    flags: Mapping[str, str | None],
    environ: Mapping[str, str],
    stream: TextIO,
    *,
    as_json: bool,
) -> int:
    """Load the settings, put the question, and write the answer to the stream.

    Gives the exit code. An error is said on standard error, and with `as_json` it is the answer:
    one object, with `error` as in the report of a run. The log goes to standard error.
    """
    redactor = logging(sys.stderr, flags, environ, str(uuid.uuid4()))
    found: list[Answer] = []

    def act() -> None:
        told, _ = load.read(flags, environ)
        signals.SIGNALS.within(told.deadline)
        found.append(question(told))

    def finish(error: MigratorError | None) -> int:
        if error:
            return _failed(error, redactor, stream if as_json else None)
        write = partial(print, file=stream, flush=True)
        write(_json(found[0].fields(), redactor) if as_json else redactor.text(str(found[0])))
        return found[0].exit_code

    code, _ = concluded(act, finish, redactor)
    return code


def _failed(error: MigratorError, redactor: Redactor, stream: TextIO | None) -> int:
    if stream:
        print(_json({"error": error.fields()}, redactor), file=stream, flush=True)
    told = error.message + (f"\nHint: {error.hint}" if error.hint else "")
    print(f"migrator: {redactor.text(told)}", file=sys.stderr, flush=True)
    return error.exit_code


def _json(fields: Mapping[str, Any], redactor: Redactor) -> str:
    return json.dumps(redactor.value(dict(fields)), ensure_ascii=False, indent=2, default=str)
