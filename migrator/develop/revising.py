"""The revising: new revisions are drafted, written and proven; `migrator new` and what follows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from migrator.database.connection import connect
from migrator.database.identity import confined_to
from migrator.develop import draft as drafting
from migrator.develop.novelty import Novelty
from migrator.develop.proving import climb, prove
from migrator.develop.reading import Reading
from migrator.develop.writing import set_aside, written
from migrator.errors import ProjectError, UsageError
from migrator.ground import ground
from migrator.output.log import hushed, silenced, structured
from migrator.output.text import named
from migrator.project import revisions
from migrator.project.ascent import aimed
from migrator.project.confined import Confined
from migrator.project.environment import Watcher
from migrator.project.find import find
from migrator.project.unimported import HINT, unimported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from migrator.database.connection import Server
    from migrator.develop.draft import Draft
    from migrator.project.find import Project
    from migrator.settings.table import Settings

_TWO = 2
_UNCHANGED = "the database at head has all that the models have."
_NO_MODELS = "env.py names no models (target_metadata); --empty writes a revision to fill in."


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made."""

    message: str | None
    """None where `remake` is to name it by what it does."""
    empty: bool = False
    merge: bool = False
    target: bool = False
    """Whether the models are compared with the database of the settings, not an embedded one."""
    colours: bool = False


@dataclass(frozen=True, slots=True)
class Own:
    """Revisions that may be made anew."""

    revisions: frozenset[str]
    files: tuple[Path, ...]
    released: Callable[[], bool]
    """Called once it is known that they are to go; tells whether they may."""


def revise(settings: Settings, order: Order, environ: Mapping[str, str]) -> Novelty:
    """Write what the models ask for, or an empty revision, or the merge of several heads.

    What is not empty is run up, down and up on an embedded server, and judged. Raises what keeps it
    from being written, and leaves no file then; where it was written and is wrong, the answer says
    so.
    """
    structured()
    with silenced():
        if order.merge:
            return _merged(settings, order)
        if not order.message:
            raise UsageError("A revision needs a message: what changes?")
        if order.empty:
            return _empty(settings, order.message)
        if order.target:
            return _after_target(settings, order, environ)
        return _from_the_head(settings, order, environ)


def remake(settings: Settings, order: Order, environ: Mapping[str, str], own: Own) -> Novelty:
    """Write what the models ask for now in the place of these revisions, the project's newest.

    Where the models ask for no more than these do, nothing is done; where they ask for less than
    any, their files are gone. Raises as `revise`, and leaves the files as they were then.
    """
    structured()
    with silenced():
        return _from_the_head(settings, order, environ, own)


def _from_the_head(
    settings: Settings, order: Order, environ: Mapping[str, str], own: Own | None = None
) -> Novelty:
    """Compare the models with an empty database that was brought to the head."""
    with ground(environ) as server:
        told = replace(settings, database_url=server.address)
        project = _opened(told)
        watcher = _entered(project, Confined(confined_to(server)))
        way = climb(project, server, watcher)
        draft = drafting.compared(project, order.message, watcher)
        if own is None or not draft.parts or not own.released():
            return _finished(project, draft, server, watcher, order)
        for leg in reversed(way):
            if leg.revision in own.revisions:
                leg.back(watcher)
        with set_aside(own.files):
            project = _opened(told)
            draft = drafting.compared(project, order.message, watcher)
            return _finished(project, draft, server, watcher, order)


def _after_target(settings: Settings, order: Order, environ: Mapping[str, str]) -> Novelty:
    """Compare with a database that is there, which is only read, and prove it on an empty one."""
    with hushed(), connect(settings.database_url, settings.connect_timeout) as target:
        project = _opened(settings)
        reading = _entered(project, Reading(confined_to(target)))
        draft = drafting.compared(project, order.message or "", reading)
    if not draft.parts:
        return _nothing(draft)
    with ground(environ) as server, aimed((project,), server.address) as (there,):
        watcher = _entered(there, Confined(confined_to(server)))
        climb(there, server, watcher)
        return _finished(there, draft, server, watcher, order)


def _opened(settings: Settings) -> Project:
    """Give the one project, each revision in a transaction of its own."""
    if len(settings.config_section) > 1:
        raise UsageError("A revision belongs to one section.", hint="-n names it.")
    told = replace(settings, target="heads", transactions="per-revision")
    (project,) = find(told)
    revisions.whole(project.script)
    return project


def _entered(project: Project, watcher: Watcher) -> Watcher:
    """Run env.py once, and see that the project is one to go on from; gives the watcher."""
    missing = unimported(project, watcher)
    if missing:
        told = " ".join(each.message for each in missing)
        raise ProjectError(f"{told} Nothing was written.", hint=HINT)
    _one_head(project)
    return watcher


def _one_head(project: Project) -> tuple[str, ...]:
    heads = tuple(sorted(project.script.get_heads()))
    if len(heads) > 1:
        raise ProjectError(
            f"The project has {len(heads)} heads: {', '.join(heads)}. Nothing was written.",
            hint="Merge them first: migrator new --merge",
        )
    return heads


def _finished(
    project: Project, draft: Draft, server: Server, watcher: Watcher, order: Order
) -> Novelty:
    if not draft.parts:
        return _nothing(draft)
    with written(project, draft) as files:
        proof = prove(project, server, watcher)
    return Novelty(files, proof, project.settings.max_risk, order.colours)


def _nothing(draft: Draft) -> Novelty:
    return Novelty((), nothing=_UNCHANGED if draft.compared else _NO_MODELS)


def _empty(settings: Settings, message: str) -> Novelty:
    project = _opened(settings)
    heads = _one_head(project)
    return _unproven(project, message, heads or ("head",))


def _merged(settings: Settings, order: Order) -> Novelty:
    project = _opened(settings)
    heads = tuple(sorted(project.script.get_heads()))
    if len(heads) < _TWO:
        raise UsageError(f"There is nothing to merge: the one head is {named(heads)}.")
    return _unproven(project, order.message or f"merge {' and '.join(heads)}", heads)


def _unproven(project: Project, message: str, heads: tuple[str, ...]) -> Novelty:
    draft = drafting.empty(project, message, heads, Watcher())
    with written(project, draft) as files:
        return Novelty(files)
