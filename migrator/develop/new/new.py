"""`migrator new`: draft revisions from the models, write and verify them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from migrator.database.connection import connect
from migrator.database.identity import confined_to
from migrator.develop.new import draft as drafting
from migrator.develop.new.prove import prove, to_heads
from migrator.develop.new.result import Novelty
from migrator.develop.new.write import set_aside, written
from migrator.errors import ProjectError, UsageError
from migrator.output.log import hushed, silenced
from migrator.output.text import named
from migrator.project import revisions
from migrator.project.find import find
from migrator.project.listeners import Listener
from migrator.project.unimported_models import HINT, unimported
from migrator.rehearsal.apply import redirected
from migrator.rehearsal.confine import Confined, ReadOnly
from migrator.rehearsal.database import empty

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from migrator.database.connection import Server
    from migrator.develop.new.draft import Draft
    from migrator.project.find import Project
    from migrator.settings.table import Settings

_TWO = 2
_UNCHANGED = "the database at head has all that the models have."
_NO_MODELS = "env.py names no models (target_metadata); --empty writes a revision to fill in."


@dataclass(frozen=True, slots=True)
class NewRequest:
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


def revise(settings: Settings, request: NewRequest, environ: Mapping[str, str]) -> Novelty:
    """Write what the models ask for, or an empty revision, or the merge of several heads.

    What is not empty is run up, down and up on an embedded server, and judged. Raises what keeps it
    from being written, and leaves no file then; where it was written and is wrong, the answer says
    so.
    """
    with silenced():
        if request.merge:
            return _merged(settings, request)
        if not request.message:
            raise UsageError("A revision needs a message: what changes?")
        if request.empty:
            return _empty(settings, request.message)
        if request.target:
            return _after_target(settings, request, environ)
        return _from_the_head(settings, request, environ)


def remake(
    settings: Settings, request: NewRequest, environ: Mapping[str, str], own: Own
) -> Novelty:
    """Write what the models ask for now in the place of these revisions, the project's newest.

    Where the models ask for no more than these do, nothing is done; where they ask for less than
    any, their files are gone. Raises as `revise`, and leaves the files as they were then.
    """
    with silenced():
        return _from_the_head(settings, request, environ, own)


def _from_the_head(
    settings: Settings, request: NewRequest, environ: Mapping[str, str], own: Own | None = None
) -> Novelty:
    """Compare the models with an empty database that was brought to the head."""
    with empty(environ=environ) as server:
        told = replace(settings, database_url=server.address)
        project = _opened(told)
        listener = _entered(project, Confined(confined_to(server)))
        way = to_heads(project, server, listener)
        draft = drafting.compared(project, request.message, listener)
        if own is None or not draft.parts or not own.released():
            return _finished(project, draft, server, listener, request)
        for step in reversed(way):
            if step.revision in own.revisions:
                step.downgrade(listener)
        with set_aside(own.files):
            project = _opened(told)
            draft = drafting.compared(project, request.message, listener)
            return _finished(project, draft, server, listener, request)


def _after_target(settings: Settings, request: NewRequest, environ: Mapping[str, str]) -> Novelty:
    """Compare with a database that is there, which is only read, and prove it on an empty one."""
    with hushed(), connect(settings.database_url, settings.connect_timeout) as target:
        project = _opened(settings)
        reading = _entered(project, ReadOnly(confined_to(target)))
        draft = drafting.compared(project, request.message or "", reading)
    if not draft.parts:
        return _nothing(draft)
    with empty(environ=environ) as server, redirected((project,), server.address) as (there,):
        listener = _entered(there, Confined(confined_to(server)))
        to_heads(there, server, listener)
        return _finished(there, draft, server, listener, request)


def _opened(settings: Settings) -> Project:
    """Give the one project, each revision in a transaction of its own."""
    if len(settings.config_section) > 1:
        raise UsageError("A revision belongs to one section.", hint="-n names it.")
    told = replace(settings, target="heads", transactions="per-revision")
    (project,) = find(told)
    revisions.whole(project.script)
    return project


def _entered(project: Project, listener: Listener) -> Listener:
    """Run env.py once, and see that the project is one to go on from; gives the listener."""
    missing = unimported(project, listener)
    if missing:
        told = " ".join(each.message for each in missing)
        raise ProjectError(f"{told} Nothing was written.", hint=HINT)
    _one_head(project)
    return listener


def _one_head(project: Project) -> tuple[str, ...]:
    heads = tuple(sorted(project.script.get_heads()))
    if len(heads) > 1:
        raise ProjectError(
            f"The project has {len(heads)} heads: {', '.join(heads)}. Nothing was written.",
            hint="Merge them first: migrator new --merge",
        )
    return heads


def _finished(
    project: Project, draft: Draft, server: Server, listener: Listener, request: NewRequest
) -> Novelty:
    if not draft.parts:
        return _nothing(draft)
    with written(project, draft) as files:
        proof = prove(project, server, listener)
    return Novelty(files, proof, project.settings.max_risk, request.colours)


def _nothing(draft: Draft) -> Novelty:
    return Novelty((), nothing=_UNCHANGED if draft.compared else _NO_MODELS)


def _empty(settings: Settings, message: str) -> Novelty:
    project = _opened(settings)
    heads = _one_head(project)
    return _unproven(project, message, heads or ("head",))


def _merged(settings: Settings, request: NewRequest) -> Novelty:
    project = _opened(settings)
    heads = tuple(sorted(project.script.get_heads()))
    if len(heads) < _TWO:
        raise UsageError(f"There is nothing to merge: the one head is {named(heads)}.")
    return _unproven(project, request.message or f"merge {' and '.join(heads)}", heads)


def _unproven(project: Project, message: str, heads: tuple[str, ...]) -> Novelty:
    draft = drafting.empty(project, message, heads, Listener())
    with written(project, draft) as files:
        return Novelty(files)
