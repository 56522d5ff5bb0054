"""An ASGI application that shows the status to probes and people, and can start a run.

It needs no framework, and runs in any: `app.mount("/migrations", Migrations(engine))`.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import os
import threading
import time
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from migrator import api
from migrator.errors import ConfigurationError, MigratorError
from migrator.process.boundary import redactor
from migrator.process.subcommand import Run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, MutableMapping

    from migrator.api import Target

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

_FRESH_FOR_S = 1.0
"""An answer serves everybody who asks within this time: many probes are one look."""
_CONNECT_TIMEOUT = "3s"
"""A probe does not wait for long; 60 s, the setting's own default, is more than it has."""
_SHORTEST_TOKEN = 16
_PLACES = ("", "/", "/migrations", "/migrations/")
_JSON, _HTML = "application/json", "text/html; charset=utf-8"
_PAGE = """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<h1>{title}</h1>
<pre>{text}</pre>
</html>
"""


class Response(NamedTuple):
    """What is sent back."""

    code: int
    fields: Mapping[str, Any]
    """As JSON."""
    title: str = "Migrations"
    text: str = ""
    """For a person."""
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Migrations:
    """The application: `GET` says where the database stands, `POST` runs `migrator run`."""

    def __init__(self, target: Target = None, /, *, token: str | None = None, **given: str) -> None:
        """Take an engine, a URL or, without either, the target of the environment.

        `POST` is there only with a `token`, which its sender has to know. `given` are settings by
        their names. Raises `ConfigurationError` where the token is too short to be one, or a name
        is no setting.
        """
        if token is not None and len(token) < _SHORTEST_TOKEN:
            message = f"The token is shorter than {_SHORTEST_TOKEN} characters."
            raise ConfigurationError(message, hint="Leave it out to have no POST.")
        given = {"connect_timeout": _CONNECT_TIMEOUT, **given}
        self._flags = api.flags_for(target, given)
        self._token = token
        self._run: Run | None = None
        self._seen: tuple[float, Response] | None = None
        self._one_at_a_time = threading.Lock()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request, as the ASGI specification says."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            response = await self._answer(scope)
            await _send(response, scope, send)

    async def _answer(self, scope: Message) -> Response:
        if scope["path"].removeprefix(scope.get("root_path", "")) not in _PLACES:
            return _said(404, "There is nothing here.")
        if scope["method"] in {"GET", "HEAD"}:
            return await asyncio.to_thread(self._look)
        if scope["method"] == "POST" and self._token is not None:
            if not self._is_known(_header(scope, b"authorization")):
                challenge = (b"www-authenticate", b"Bearer")
                return _said(401, "The token is wrong, or missing.", challenge)
            return await asyncio.to_thread(self._start)
        return _said(405, "There is nothing to do here but to look.", (b"allow", b"GET, HEAD"))

    def _is_known(self, authorization: str) -> bool:
        scheme, _, said = authorization.partition(" ")
        known = hmac.compare_digest(said.strip().encode(), (self._token or "").encode())
        return known and scheme.lower() == "bearer"

    def _look(self) -> Response:
        """Look once, whoever asks meanwhile."""
        with self._one_at_a_time:
            if self._seen is None or time.monotonic() - self._seen[0] > _FRESH_FOR_S:
                self._seen = time.monotonic(), self._looked()
            return self._seen[1]

    def _looked(self) -> Response:
        hidden = redactor(self._flags, os.environ)
        try:
            found = api.look(self._flags)
            code = 200 if api.at_head(self._flags, found) else 503
        except MigratorError as error:
            fields = {"error": error.fields()}
            return Response(503, hidden.value(fields), error.kind, hidden.text(error.message))
        return Response(code, hidden.value(found.fields()), found.state, hidden.text(str(found)))

    def _start(self) -> Response:
        """Start a run, unless one that was started here goes on."""
        with self._one_at_a_time:
            if self._run and self._run.goes_on:
                return _said(409, "A run that was started here goes on.")
            self._run, self._seen = Run(self._run_flags()), None
        return _said(202, "A run has been started: its log is in that of the application.")

    def _run_flags(self) -> dict[str, str | None]:
        """Give the settings of a run, which may wait longer than a probe."""
        flags = dict(self._flags)
        if flags["connect_timeout"] == _CONNECT_TIMEOUT:
            del flags["connect_timeout"]
        return flags


def _said(code: int, message: str, *headers: tuple[bytes, bytes]) -> Response:
    return Response(code, {"message": message}, text=message, headers=headers)


def _header(scope: Message, name: bytes) -> str:
    values = [value for key, value in scope["headers"] if key.lower() == name]
    return b", ".join(values).decode("latin-1")


def _wants_page(accept: str) -> bool:
    """Tell whether a browser asks: it names HTML, and before JSON."""
    html, as_json = accept.find("text/html"), accept.find(_JSON)
    return html >= 0 and (as_json < 0 or html < as_json)


async def _send(response: Response, scope: Message, send: Send) -> None:
    page = _wants_page(_header(scope, b"accept"))
    dump = partial(json.dumps, ensure_ascii=False, indent=2, default=str)
    body = _page(response) if page else dump(response.fields) + "\n"
    length = str(len(body.encode())).encode()
    headers = [
        (b"content-type", (_HTML if page else _JSON).encode()),
        (b"content-length", length),
        (b"cache-control", b"no-store"),
        (b"vary", b"accept"),
        *response.headers,
    ]
    await send({"type": "http.response.start", "status": response.code, "headers": headers})
    empty = scope["method"] == "HEAD"
    await send({"type": "http.response.body", "body": b"" if empty else body.encode()})


def _page(response: Response) -> str:
    return _PAGE.format(title=escape(response.title), text=escape(response.text))


async def _live(receive: Receive, send: Send) -> None:
    """Say to the server that there is nothing to begin or to end."""
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return
