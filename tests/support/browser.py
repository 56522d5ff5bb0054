"""A real browser without a window: Debian's Chromium, driven by its command line."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import tempfile
import zlib
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path

import pytest

Colour = tuple[int, int, int]
_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_SCHEMES = {"dark": 0, "light": 1}
"""Blink's own numbers of `prefers-color-scheme`."""
_TIMEOUT_S = 60


@dataclass(frozen=True)
class Screenshot:
    """What the window showed."""

    width: int
    height: int
    pixels: bytes
    """Three bytes each, row by row."""

    def at(self, x: int, y: int) -> Colour:
        """Give the colour of a pixel."""
        return self._rows[y][x]

    @property
    def colours(self) -> Counter[Colour]:
        """How many pixels there are of each colour."""
        return Counter(colour for row in self._rows for colour in row)

    def longest(self, colour: Colour) -> int:
        """Give the length of the longest line of this colour, in pixels."""
        runs = (
            sum(1 for _ in run)
            for row in self._rows
            for found, run in groupby(row)
            if found == colour
        )
        return max(runs, default=0)

    def column(self, x: int) -> set[Colour]:
        """Give the colours from top to bottom."""
        return {row[x] for row in self._rows}

    @cached_property
    def _rows(self) -> list[list[Colour]]:
        wide = self.width * 3
        lines = (self.pixels[i : i + wide] for i in range(0, len(self.pixels), wide))
        return [list(zip(*[iter(line)] * 3, strict=True)) for line in lines]


def program() -> str:
    """Give the browser; the test is skipped where there is none, unless one is required."""
    found = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if found:
        return found
    reason = "there is no Chromium here (Debian: apt-get install chromium)"
    if os.environ.get("TEST_REQUIRE_BROWSER"):
        pytest.fail(reason)
    pytest.skip(reason)


def dom(address: str) -> str:
    """Give the document as the browser has understood it."""
    return _browse("--dump-dom", address)


def screenshot(address: str, width: int, height: int, scheme: str = "light") -> Screenshot:
    """Look at an address in a window of this size, by somebody who prefers `light` or `dark`."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "seen.png"
        _browse(
            f"--screenshot={file}",
            f"--window-size={width},{height}",
            f"--blink-settings=preferredColorScheme={_SCHEMES[scheme]}",
            "--hide-scrollbars",
            address,
        )
        return decoded(file.read_bytes())


def _browse(*arguments: str) -> str:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        alone = ("--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}")
        ended = subprocess.run(
            [program(), *alone, *arguments],
            capture_output=True,
            text=True,
            check=True,
            timeout=_TIMEOUT_S,
        )
    return ended.stdout


def decoded(png: bytes) -> Screenshot:
    """Give the pixels of a PNG as Chromium writes them: 8 bits, not interlaced."""
    data, at = b"", 8
    width, height, depth, kind = struct.unpack(">IIBB", png[16:26])
    samples = {2: 3, 6: 4}[kind]
    assert depth == 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += length + 12
    raw, wide = zlib.decompress(data), width * samples
    above, lines = bytes(wide), []
    for number in range(height):
        begin = number * (wide + 1)
        above = _unfiltered(raw[begin], raw[begin + 1 : begin + 1 + wide], above, samples)
        lines.append(above if samples == 3 else bytes(v for i, v in enumerate(above) if i % 4 < 3))
    return Screenshot(width, height, b"".join(lines))


def _unfiltered(kind: int, line: bytes, above: bytes, samples: int) -> bytes:
    if kind == 0:
        return line
    if kind == 2:
        return bytes((v + up) & 255 for v, up in zip(line, above, strict=True))
    found = bytearray(line)
    for i, up in enumerate(above):
        left = found[i - samples] if i >= samples else 0
        corner = above[i - samples] if i >= samples else 0
        guess = {1: left, 3: (left + up) // 2}.get(kind)
        found[i] = (line[i] + (_paeth(left, up, corner) if guess is None else guess)) & 255
    return bytes(found)


def _paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((left, up, corner), key=lambda value: abs(guess - value))
