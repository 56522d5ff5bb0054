"""Parse the text of a setting; a `ValueError` says what is wrong with it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(s|m|h)?")
_SECONDS = {None: 1, "s": 1, "m": 60, "h": 3600}
_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "false", "no", "off"})
_BACKUP_SCHEMES = ("s3", "gs", "az", "file")
_BACKUP_FORMS = "s3://bucket/prefix, gs://, az://, or file:///directory"


_LONGEST_S = 2_147_483
"""Postgres keeps a timeout in milliseconds, in 31 bits."""
_BIGINT = 2**63


def not_empty(value: str) -> str:
    """Give the value, unless there is none in it."""
    if not value.strip():
        message = "it is empty: leave it out instead"
        raise ValueError(message)
    return value


def lock_key(value: str) -> str:
    """Give the key: a word, or a number that Postgres can hold."""
    if value.strip().lstrip("-").isdecimal() and not -_BIGINT <= int(value) < _BIGINT:
        message = f"{value} is no bigint: take a smaller number, or a word"
        raise ValueError(message)
    return value


def text(value: str) -> str:
    """Give the text itself."""
    return value


def duration(value: str) -> float:
    """Give seconds for `90`, `90s`, `5m` or `1h`."""
    match = _DURATION.fullmatch(value.strip())
    if match is None:
        message = f"{value!r} is not a duration: write 90, 90s, 5m or 1h"
        raise ValueError(message)
    seconds = float(match[1]) * _SECONDS[match[2]]
    if seconds > _LONGEST_S:
        message = f"{value!r} is longer than Postgres can count: 24 days at most"
        raise ValueError(message)
    return seconds


def duration_above_zero(why: str) -> Callable[[str], float]:
    """Give a parser of durations that refuses zero, saying why."""

    def parse(value: str) -> float:
        seconds = duration(value)
        if seconds == 0:
            raise ValueError(why)
        return seconds

    return parse


def flag(value: str) -> bool:
    """Give true or false for the words in use."""
    word = value.strip().lower()
    if word in _YES | _NO:
        return word in _YES
    message = f"{value!r} is neither true nor false"
    raise ValueError(message)


def one_of(*choices: str) -> Callable[[str], str]:
    """Give a parser that accepts these words only."""

    def parse(value: str) -> str:
        word = value.strip().lower()
        if word in choices:
            return word
        message = f"{value!r} is not one of {', '.join(choices)}"
        raise ValueError(message)

    return parse


def words(value: str) -> tuple[str, ...]:
    """Give the words between spaces; quotes keep a word together, as in a shell."""
    return tuple(shlex.split(value))


def count_above_zero(why: str) -> Callable[[str], int]:
    """Give a parser of whole numbers that refuses zero, saying why."""

    def parse(value: str) -> int:
        if not value.strip().isdecimal():
            message = f"{value!r} is not a whole number"
            raise ValueError(message)
        if int(value) == 0:
            raise ValueError(why)
        return int(value)

    return parse


def backup_place(value: str) -> str:
    """Give the address of a directory or bucket for backups, without what is odd in it."""
    parts = urlsplit(value.strip())
    if parts.scheme not in _BACKUP_SCHEMES:
        message = f"{value!r} is no place for backups: write {_BACKUP_FORMS}"
        raise ValueError(message)
    if "@" in parts.netloc:
        message = "credentials do not belong in it: the store's own variables hold them"
        raise ValueError(message)
    if parts.scheme == "file" and (parts.netloc or not parts.path.startswith("/")):
        message = f"{value!r} has three slashes before an absolute path: file:///backups"
        raise ValueError(message)
    if parts.scheme != "file" and not parts.netloc:
        message = f"{value!r} names no bucket: write {_BACKUP_FORMS}"
        raise ValueError(message)
    return value.strip()


def names_if_any(value: str) -> tuple[str, ...]:
    """Give the names between commas, or none."""
    return names(value) if value else ()


def names(value: str) -> tuple[str, ...]:
    """Give the names between commas."""
    found = tuple(name.strip() for name in value.split(",") if name.strip())
    if not found:
        message = f"{value!r} names nothing"
        raise ValueError(message)
    return found


def writable_file(value: str) -> Path:
    """Give the path of a file that can be written: its directory exists."""
    path = Path(value)
    if path.is_dir():
        message = f"{value!r} is a directory"
        raise ValueError(message)
    if not path.parent.is_dir():
        message = f"there is no directory {str(path.parent)!r} to write it in"
        raise ValueError(message)
    return path
