"""Mask secrets in everything that is written, as the last step before the output."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

MASK = "***"
_NAMES_A_SECRET = re.compile(
    r"PASSW(OR)?D|SECRET|TOKEN|(API|ACCESS|ACCOUNT|STORAGE|SAS|PRIVATE)_?KEY", re.IGNORECASE
)
_LOGIN = re.compile(r"(?P<scheme>[A-Za-z][\w+.-]*://[^\s:/@]*):\S+@")
_PASSWORD = re.compile(
    r"(?P<name>\bpass(?:word|wd|file)?\b\s*(?:=\s*)?)(?P<q>')(?:[^'\\]|''|\\.)*'", re.IGNORECASE
)
_PASSWORD_BARE = re.compile(r"(?P<name>\bpassword=)[^\s'&;,]+", re.IGNORECASE)
_SHORTEST = 4
"""A shorter password is masked where it stands as one (in a URL, behind `password=`), or every
word would be full of holes."""
_SHORTEST_GUESS = 6
"""A value found by its variable's name only is masked from this length on, so that
`SECRET_MODE=on` does not mask every `on`; the target's own password is masked whatever it is."""


class Redactor:
    """Masks the secrets it was given, and whatever looks like a password in a URL or in SQL."""

    def __init__(self, secrets: Iterable[str] = (), public: Iterable[str] = ()) -> None:
        """Mask `secrets`, except those that are printed anyway: a role's or a database's name."""
        shown = set(public)
        known = {s for s in secrets if len(s) >= _SHORTEST and s not in shown}
        forms = {form for s in known for form in _forms(s)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def text(self, value: str) -> str:
        """Give the text with its secrets masked."""
        if "://" in value:
            value = _LOGIN.sub(rf"\g<scheme>:{MASK}@", value)
        if "pass" in value.casefold():
            value = _PASSWORD.sub(rf"\g<name>\g<q>{MASK}\g<q>", value)
            value = _PASSWORD_BARE.sub(rf"\g<name>{MASK}", value)
        return self._known.sub(MASK, value) if self._known else value

    def value(self, value: Any) -> Any:  # noqa: ANN401 - whatever a log line may hold
        """Give the value, masked all the way down."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {k: self.value(v) for k, v in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(v) for v in value]
        if is_dataclass(value) and not isinstance(value, type):
            return replace(
                value, **{f.name: self.value(getattr(value, f.name)) for f in fields(value)}
            )
        return value


def secrets_of(environ: Mapping[str, str]) -> Iterator[str]:
    """Give what an environment holds that must not be printed."""
    for name, value in environ.items():
        if name == "PGPASSWORD" or (_NAMES_A_SECRET.search(name) and len(value) >= _SHORTEST_GUESS):
            yield value
        login = re.match(r"[A-Za-z][\w+.-]*://[^\s:/@]*:(\S+)@", value)
        if login:
            yield login[1]


def _forms(secret: str) -> set[str]:
    plain = unquote(secret)
    return {
        secret,
        plain,
        quote(plain, safe=""),
        quote(plain),
        quote_plus(plain),
        repr(plain)[1:-1],
    }
