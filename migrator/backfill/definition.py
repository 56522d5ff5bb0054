"""The definition of a backfill: a small Python file in `backfills/`, beside the revisions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any

from migrator.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    Batch = str | Callable[[Any, list[Any]], object]

_FORM = (
    "A backfill has `remaining`, a query for the keys that remain, and `batch`, a statement for"
    " :keys or a function batch(connection, keys). docs/how-to/backfill.md has one."
)
_PARAMETER = re.compile(r"(?<![:\w\\]):(\w+)(?!:)")
"""As SQLAlchemy's `text` reads one."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What is to be changed, and how."""

    name: str
    title: str
    """The first line of its docstring; empty where it has none."""
    remaining: str
    """The query for the keys of the rows that remain."""
    batch: Batch
    """A statement, or a function of a connection and keys."""

    @property
    def digest(self) -> str:
        """The checksum of what decides in which order the keys come."""
        return sha256(self.remaining.encode()).hexdigest()

    @property
    def parameters(self) -> frozenset[str]:
        """The names of the values that its statement takes."""
        return frozenset(_PARAMETER.findall(self.batch) if isinstance(self.batch, str) else ())

    @property
    def statement(self) -> str:
        """The statement as a person reads it; a function by its name."""
        if isinstance(self.batch, str):
            return "\n".join(line.strip() for line in self.batch.strip().splitlines())
        return f"{self.batch.__name__}(connection, keys)"


def files(folders: Iterable[Path]) -> dict[str, Path]:
    """Give the files of all backfills by their names, in the order of these.

    Raises `ProjectError` where two have one name.
    """
    found: dict[str, Path] = {}
    for each in folders:
        for path in each.glob("[!_]*.py"):
            if path.stem in found:
                message = f"Two backfills are called {path.stem}: {found[path.stem]} and {path}."
                raise ProjectError(message, hint="Their state is kept by their names: rename one.")
            found[path.stem] = path
    return dict(sorted(found.items()))


def named(name: str, folders: Iterable[Path]) -> Definition:
    """Give the backfill of this name; raises `ProjectError` where there is none, or it is wrong."""
    there = files(folders)
    if name in there:
        return load(there[name])
    where = " or ".join(map(str, folders))
    known = f"There are: {', '.join(there)}." if there else "There is none at all."
    raise ProjectError(f"There is no backfill {name} in {where}.", hint=known)


def load(path: Path) -> Definition:
    """Run the file and give what it defines; raises `ProjectError` where it defines nothing."""
    spec = spec_from_file_location(f"migrator_backfill_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ProjectError(f"{path} cannot be loaded.")
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # noqa: BLE001 - it is the project's own code
        message = f"The backfill {path.stem} cannot be loaded: {type(error).__name__}: {error}."
        raise ProjectError(message, hint=str(path)) from None
    remaining, batch = getattr(module, "remaining", None), getattr(module, "batch", None)
    if not isinstance(remaining, str) or not (isinstance(batch, str) or callable(batch)):
        raise ProjectError(f"{path} is no backfill.", hint=_FORM)
    if isinstance(batch, str) and not _PARAMETER.search(batch):
        message = f"The statement of the backfill {path.stem} does not name :keys."
        raise ProjectError(message, hint="It would change all rows at once.")
    title = (module.__doc__ or "").strip().partition("\n")[0]
    return Definition(path.stem, title, remaining.strip().rstrip(";"), batch)
