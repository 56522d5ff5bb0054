"""Format names, counts, sizes and durations for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_MILLION, _MINUTE_S, _HOUR_S = 1_000_000, 60, 3600


def named(revisions: Iterable[str]) -> str:
    """Give revisions as a person names them; none is base."""
    return ", ".join(revisions) or "base"


def capital(text: str) -> str:
    """Give a text as a sentence begins."""
    return text[:1].upper() + text[1:]


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Give `1 revision`, `2 revisions`, `1,000 revisions`; `plural` where it is not noun and s."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def readable(size_bytes: float) -> str:
    """Give a number of bytes for a person."""
    for unit in ("bytes", "kB", "MB"):
        if size_bytes < 1000:  # noqa: PLR2004 - the units are powers of it
            return f"{size_bytes:.0f} {unit}" if unit == "bytes" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.2f} GB"


def rows(number: int) -> str:
    """Give `1 row`, `12,000 rows`, `12.4 million rows`."""
    if number >= _MILLION:
        return f"{number / _MILLION:.1f} million rows"
    return counted(number, "row")


def remaining(number: int) -> str:
    """Give `1 row remains`, `12,000 rows remain`."""
    return f"{rows(number)} remain{'s' if number == 1 else ''}"


def duration(seconds: float) -> str:
    """Give a duration in the unit in which a person would say it."""
    if seconds < 0.0005:  # noqa: PLR2004 - it would be rounded to 0
        return "under 1 ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 2 * _MINUTE_S:
        return f"{seconds:.1f} s"
    if seconds < 2 * _HOUR_S:
        return f"{seconds // _MINUTE_S:.0f} min {seconds % _MINUTE_S:.0f} s"
    return f"{seconds // _HOUR_S:.0f} h {seconds % _HOUR_S // _MINUTE_S:.0f} min"
