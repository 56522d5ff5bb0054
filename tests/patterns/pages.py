"""Reads the pages of the patterns: the revisions, app, backfill and way back of each release."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.docs.markdown import ROOT, Page, blocks, page

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ROOT / "docs" / "how-to" / "patterns"
USUAL, BEFORE, RELEASE = "The usual way", "Before", "Release "
_SAYS = re.compile(r"^`plan` says \*\*(\w+)\*\*([^`]*?)\.(?:\s|$)", re.MULTILINE)
_HAZARD = re.compile(r"\[([\w-]+)\]\(\.\./\.\./reference/hazards\.md#(?:\1|squawk)\)")
_ID = re.compile(r'^revision = "(\w+)"$', re.MULTILINE)
_BACKFILL = re.compile(r"# backfills/(\w+\.py)\n")


@dataclass(frozen=True)
class Said:
    """What a page says that the plan says: nothing where no revision is in the release."""

    verdict: str
    hazards: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Release:
    """A release of a page."""

    title: str
    revisions: dict[str, str]
    """The files' texts by their ids, the first first."""
    said: Said
    app: tuple[str, ...]
    """What the app of this release sends."""
    backfills: dict[str, str]
    """The files' texts by their names."""
    fill: tuple[str, ...]
    """The command that runs them, once every instance of the app is of this release."""
    back: tuple[str, ...]
    """The command that takes the release back; nothing where there is none."""


@dataclass(frozen=True)
class Pattern:
    """A page."""

    name: str
    usual: dict[str, str]
    usual_said: Said
    before: tuple[str, ...]
    """What the app sends before the first release."""
    releases: tuple[Release, ...]


def shop() -> str:
    """Give the revision that every page begins with."""
    return _python(page("docs/how-to/patterns/README.md").text)[0]


def patterns() -> list[Path]:
    """Give the pages, besides their index."""
    return [path for path in sorted(FOLDER.glob("*.md")) if path.stem != "README"]


def pattern(path: Path) -> Pattern:
    """Read one."""
    sections = Page(path).sections
    app, releases = _app(sections[BEFORE]), []
    before = app
    for title, text in sections.items():
        if title.startswith(RELEASE):
            releases.append(_release(title, text, app))
            app = releases[-1].app
    usual = sections[USUAL]
    return Pattern(path.stem, _revisions(usual), _said(usual), before, tuple(releases))


def _release(title: str, text: str, before: tuple[str, ...]) -> Release:
    """Read a release: where it does not say what its app sends, that is what was sent before."""
    lines = [shlex.split(block.text) for block in blocks(text) if block.language == "console"]
    commands = {line[1]: tuple(line[2:]) for line in lines if line[0] == "migrator"}
    return Release(
        title,
        _revisions(text),
        _said(text),
        _app(text) or before,
        {found[1]: each for each in _python(text) if (found := _BACKFILL.match(each))},
        commands.get("backfill", ()),
        commands.get("rollback", ()),
    )


def _revisions(text: str) -> dict[str, str]:
    return {found[1]: each for each in _python(text) if (found := _ID.search(each))}


def _python(text: str) -> list[str]:
    return [block.text for block in blocks(text) if block.language == "python"]


def _app(text: str) -> tuple[str, ...]:
    sql = "".join(block.text for block in blocks(text) if block.language == "sql")
    return tuple(filter(None, (statement.strip() for statement in sql.split(";"))))


def _said(text: str) -> Said:
    found = _SAYS.findall(text)
    if not _revisions(text):
        assert not found
        return Said("safe")
    assert len(found) == 1, f"the plan says one thing of a release, and not {found}"
    [(verdict, rest)] = found
    codes = tuple(sorted(_HAZARD.findall(rest)))
    assert len(codes) == rest.count("](")
    return Said(verdict, (), codes) if "accepted" in rest else Said(verdict, codes)
