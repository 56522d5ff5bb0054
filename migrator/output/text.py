"""Amounts as a person reads them: sizes, rows, durations; and how a sentence begins."""

from __future__ import annotations

_MILLION, _MINUTE_S, _HOUR_S = 1_000_000, 60, 3600


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
    return f"{number:,} row{'' if number == 1 else 's'}"


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


def counted(number: int) -> str:
    """Give `1 revision`, `2 revisions`."""
    return f"{number} revision{'' if number == 1 else 's'}"


def capital(text: str) -> str:
    """Give a text as a sentence begins."""
    return text[:1].upper() + text[1:]
