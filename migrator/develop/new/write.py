"""Write the files of new revisions, all of them or none."""

from __future__ import annotations

from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from sys import stderr
from typing import TYPE_CHECKING, Any

from migrator.errors import MigratorError, ProjectError
from migrator.project import failure
from migrator.project.revisions import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from alembic.script import ScriptDirectory

    from migrator.develop.new.draft import Draft
    from migrator.develop.new.split import Part
    from migrator.develop.new.step import Change
    from migrator.project.find import Project


@dataclass(frozen=True, slots=True)
class Written:
    """A revision file."""

    revision: str
    down_revision: tuple[str, ...]
    message: str
    path: Path
    changes: tuple[Change, ...]

    @property
    def file(self) -> str:
        """Its path as a person would write it."""
        return shown(str(self.path))


@contextmanager
def written(project: Project, draft: Draft) -> Iterator[tuple[Written, ...]]:
    """Write the revisions; whatever ends the block by an exception takes the files away again.

    The project's template, names, timezone and post-write hooks are Alembic's to go by. Raises
    `ProjectError` where one cannot be written or read back.
    """
    before = _files(project.script)
    mine = tuple(str(part.script.rev_id) for part in draft.parts)
    try:
        yield tuple(_all(project, draft, {*before}))
    except BaseException:
        _take_back(project.script, before, mine)
        raise


@contextmanager
def set_aside(paths: Iterable[Path]) -> Iterator[None]:
    """Take revision files out of the project; they are back if the block ends by an exception.

    Until then they lie beside where they were, under a name that Alembic does not read.
    """
    aside = {path: path.with_name(f"{path.name}.aside") for path in paths}
    for path, place in aside.items():
        path.rename(place)
    try:
        yield
    except BaseException:
        for path, place in aside.items():
            place.rename(path)
        raise
    for place in aside.values():
        place.unlink()


def _all(project: Project, draft: Draft, taken: set[Path]) -> Iterator[Written]:
    project.script.messaging_opts = {"quiet": True}
    for part in draft.parts:
        draft.context.generated_revisions = [part.script]
        made = _made(project, draft, part)
        if Path(made.path) in taken:
            message = f"{shown(made.path)} would be written over: another revision is in it."
            raise ProjectError(message, hint="file_template needs %(rev)s in it. None is left.")
        taken.add(Path(made.path))
        below = made.down_revision or ()
        yield Written(
            made.revision,
            (below,) if isinstance(below, str) else tuple(below),
            part.script.message or "",
            Path(made.path),
            part.changes,
        )


def _made(project: Project, draft: Draft, part: Part) -> Any:  # noqa: ANN401 - Alembic's Script
    try:
        with redirect_stdout(stderr), project.within():
            (made,) = draft.context.generate_scripts()
    except BaseException as error:
        failure.pass_on_interruption(error)
        if isinstance(error, MigratorError):
            raise
        told = f"The revision {part.script.message!r} could not be written:"
        told += f" {type(error).__name__}: {str(error).rstrip('.')}."
        hint = "See script.py.mako, its template, and post_write_hooks. No file is left."
        raise ProjectError(told, hint=hint) from None
    if made is None:
        message = f"The template makes no revision of {part.script.message!r}."
        raise ProjectError(message, hint="script.py.mako lacks revision = ….")
    return made


def _files(script: ScriptDirectory) -> dict[Path, bytes]:
    """Give what is in the folders of revisions."""
    return {
        path: path.read_bytes()
        for folder in script._version_locations  # noqa: SLF001 - where Alembic looks
        for path in Path(folder).rglob("*.py")
    }


def _take_back(script: ScriptDirectory, before: dict[Path, bytes], mine: tuple[str, ...]) -> None:
    """Remove the files that name one of these revisions, and bring back what they replaced."""
    for path, text in _files(script).items():
        if any(one.encode() in text for one in mine):
            if path in before:
                path.write_bytes(before[path])
            else:
                path.unlink(missing_ok=True)
