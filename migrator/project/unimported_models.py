"""Find models that env.py does not import.

Autogenerate would take their tables for dropped, or leave them out.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from migrator.project import env_py
from migrator.project.annotations import allowed
from migrator.project.declared_models import Declarations, Module
from migrator.project.find import checking, option
from migrator.project.revisions import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from alembic.runtime.migration import MigrationContext

    from migrator.project.find import Project
    from migrator.project.listeners import Listener

ALLOWED = "unimported-models"
"""As in `# migrator: allow unimported-models because …`, in the file that is to stay out."""
HINT = (
    "Import it in env.py, or in a module that env.py imports. If it is to stay out, say so in the"
    f" file: # migrator: allow {ALLOWED} because …"
)
_NOT_OURS = {"node_modules", "site-packages", "dist-packages", "__pycache__", "tests", "test"}
_TEST = re.compile(r"(test_.*|.*_test|conftest|setup)\.py")


@dataclass(frozen=True, slots=True)
class Unimported:
    """A file that was not imported."""

    file: str
    """As a person would write it."""
    tables: tuple[str, ...]

    @property
    def message(self) -> str:
        """Say it in a sentence."""
        several = "tables" if len(self.tables) > 1 else "table"
        return (
            f"{self.file} defines the {several} {', '.join(self.tables)} on env.py's metadata, and"
            " env.py does not import it."
        )


def unimported(project: Project, listener: Listener) -> tuple[Unimported, ...]:
    """Run env.py, and give the files of models that are not loaded then, in the order of names.

    Raises the `MigratorError` that env.py ended in.
    """
    metadata: list[Any] = []

    def look(_: tuple[str, ...], context: MigrationContext) -> tuple[()]:
        given = context.opts.get("target_metadata")
        several = given if isinstance(given, list | tuple) else (given,)
        metadata.extend(each for each in several if each is not None)
        return ()

    env_py.run(checking(project), look, only_look=True, listener=listener)
    return tuple(_found(project, tuple(metadata))) if metadata else ()


def _found(project: Project, metadata: tuple[Any, ...]) -> Iterator[Unimported]:
    modules = _modules(project)
    declared = Declarations(metadata, modules)
    known = {table.name for each in metadata for table in each.tables.values()}
    for module in filter(lambda each: each.may_define, modules.values()):
        tables = tuple(dict.fromkeys(t for t in declared.tables(module) if t not in known))
        if tables and ALLOWED not in allowed(str(module.path)):
            yield Unimported(shown(str(module.path)), tables)


def _modules(project: Project) -> dict[str, Module]:
    """Give the modules of the project that could be imported and are not, by their names."""
    loaded = {os.path.realpath(f) for f in map(_file_of, list(sys.modules.values())) if f}
    found: dict[str, Module] = {}
    seen: set[Path] = set()
    for root in sorted(_roots(project), key=lambda each: -len(each.parts)):
        for path in sorted(_files(root, folders_of_revisions(project))):
            if path in seen or os.path.realpath(path) in loaded:
                continue
            seen.add(path)
            if name := _name(path, root):
                found.setdefault(name, Module(name, path))
    return found


def _file_of(module: Any) -> str | None:  # noqa: ANN401 - sys.modules holds anything
    file = getattr(module, "__file__", None)
    return file if isinstance(file, str) else None


def _roots(project: Project) -> set[Path]:
    """Give the folders of the project that modules are imported from."""
    named = re.split(r"[,:;\s]+", option(project.config, "prepend_sys_path") or "")
    file = project.config.config_file_name
    ours = [Path.cwd(), *([Path(file).resolve().parent] if file else [])]
    ours += [Path(each).resolve() for each in named if each]
    ours = [each for each in ours if len(each.parts) > 1]  # never the whole machine
    here = {Path(each or ".").resolve() for each in sys.path}
    return {
        each for each in here if any(each.is_relative_to(one) for one in ours) and each.is_dir()
    }


def folders_of_revisions(project: Project) -> set[Path]:
    """Give the folders that Alembic reads revisions from."""
    return {Path(each).resolve() for each in project.script._version_locations}  # noqa: SLF001 - where Alembic looks


def _files(root: Path, besides: Iterable[Path]) -> Iterator[Path]:
    """Give the Python files that could be modules, and are neither tests nor another's."""
    left_out = {*besides}
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        folders[:] = [
            each
            for each in folders
            if each.isidentifier()
            and each not in _NOT_OURS
            and not _is_foreign(here / each, left_out)
        ]
        yield from (here / each for each in names if each.endswith(".py") and not _TEST.match(each))


def _is_foreign(folder: Path, left_out: set[Path]) -> bool:
    return folder in left_out or (folder / "pyvenv.cfg").exists()


def _name(path: Path, root: Path) -> str:
    """Give a module's name; nothing for the folder itself."""
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
