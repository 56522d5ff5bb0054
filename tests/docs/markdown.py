"""Reads the pages: their tables, headings, links and blocks of code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_SECTION = re.compile(r"^## +(.+)$", re.MULTILINE)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_MARK = re.compile(r"<!-- run: (.+) -->\n\Z")


@dataclass(frozen=True)
class Block:
    """A fenced block of code, and the command line of the comment that marks it."""

    language: str
    text: str
    run: str | None


@dataclass(frozen=True)
class Page:
    """One page, by its path."""

    path: Path

    def __str__(self) -> str:
        """Give the path as a person names it."""
        return str(self.path.relative_to(ROOT))

    @property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """What stands outside the blocks of code."""
        return _FENCE.sub("", self.text)

    @property
    def anchors(self) -> set[str]:
        """The names by which links reach its headings."""
        return {_slug(heading) for heading in _HEADING.findall(self.prose)}

    @property
    def links(self) -> list[str]:
        """Where its links lead."""
        return _LINK.findall(self.prose)

    @property
    def blocks(self) -> list[Block]:
        """Its blocks of code."""
        return blocks(self.text)

    @property
    def sections(self) -> dict[str, str]:
        """The text below each heading of the second level, by the heading."""
        parts = _SECTION.split(self.text)[1:]
        return dict(zip(parts[::2], parts[1::2], strict=True))

    def table(self, *header: str) -> list[list[str]]:
        """Give the rows of the only table with this header."""
        found = [rows[2:] for rows in self._tables() if rows[0] == list(header)]
        assert len(found) == 1, f"{self} has {len(found)} tables with the header {header}"
        return found[0]

    def _tables(self) -> list[list[list[str]]]:
        lines = re.findall(r"(?:^ *\|.*\|\n)+", self.prose, re.MULTILINE)
        return [[_cells(line) for line in table.splitlines()] for table in lines]


def pages() -> list[Page]:
    """Give the README and every page of docs/."""
    return [Page(ROOT / "README.md"), *(Page(p) for p in sorted((ROOT / "docs").rglob("*.md")))]


@cache
def page(path: str) -> Page:
    """Give the page of this path below the root."""
    return Page(ROOT / path)


def blocks(text: str) -> list[Block]:
    """Give the blocks of code in a page, or in a section of one."""
    found = []
    for fence in _FENCE.finditer(text):
        mark = _MARK.search(text, 0, fence.start())
        found.append(Block(fence[2], fence[3], mark[1] if mark else None))
    return found


def code(cell: str) -> list[str]:
    """Give what stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]


def _slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
