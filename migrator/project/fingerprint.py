"""Fingerprint everything that a project's answer depends on. Files are hashed, nothing is parsed.

`key` covers what is known before the project runs: settings, environment, what is installed, the
configuration. `used` lists the files that a run of the project loaded, `contents` hashes them.
"""

from __future__ import annotations

import os
import re
import sys
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from migrator.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from alembic.script import ScriptDirectory

    from migrator.project.find import Project
    from migrator.settings.table import Settings

_INI, _TOML, _FLASK = "alembic.ini", "pyproject.toml", "migrations/alembic.ini"
_VARIABLES = (".env", ".flaskenv")
"""Files of variables that many projects load by themselves."""
_SOURCES = (".py", ".pyc", ".pyo")
_IMPORTABLE = (*_SOURCES, ".so")
_PACKAGES = ("site-packages", "dist-packages")
_METADATA = (".dist-info", ".egg-info", ".egg-link", ".pth")
_CACHE = "__pycache__"
_PASSING = re.compile(
    r"HOSTNAME|PWD|OLDPWD|SHLVL|_|TERM|COLUMNS|LINES|INVOCATION_ID|JOURNAL_STREAM"
    r"|POD_(NAME|IP|UID)|NODE_NAME|KUBERNETES_\w+|\w+_SERVICE_(HOST|PORT\w*)|\w+_PORT(_\d+_\w+)?"
    r"|RAILWAY_(DEPLOYMENT|REPLICA|SNAPSHOT)\w*|FLY_(MACHINE|ALLOC)\w*|ECS_\w+"
    r"|MIGRATOR_\w+"
)
"""What differs from one start to the next, whatever is deployed; and our own settings, of which
those that change the answer are in the key by their values."""


class Used(NamedTuple):
    """What a run of the project loaded."""

    files: tuple[str, ...] = ()
    """The configuration, env.py and the project's own modules."""
    folders: tuple[str, ...] = ()
    """Where modules are imported from: another one there may hide them."""
    versions: tuple[str, ...] = ()
    """The folders of revisions, of which each file counts."""


def key(settings: Settings, environ: Mapping[str, str]) -> str | None:
    """Give the SHA-256 of everything that is known before the project runs.

    None if there is no file that describes the project.
    """
    named = settings.config or environ.get("ALEMBIC_CONFIG")
    beside = os.path.join(os.path.dirname(named or ""), _TOML)
    names = filter(None, (named, beside, _INI, _TOML, _FLASK, *_VARIABLES))
    found = {name: source for name in names if (source := _read(name)) is not None}
    described = {_INI, _FLASK} & found.keys() or b"tool.alembic" in found.get(_TOML, b"")
    if named not in found if named else not described:
        return None
    url = settings.database_url
    passing = ("password", "application_name")
    told = (
        sorted((k, v) for k, v in url.parameters.items() if k not in passing),
        *(url.driver, url.driver_parameters, url.source == "DATABASE_URL"),
        *(settings.config, settings.config_section, settings.x, settings.target),
        settings.transactions,
        sorted((k, v) for k, v in environ.items() if not _PASSING.fullmatch(k)),
        *_installed(),
        *found,
    )
    return _digest((_encoded(told), *found.values()))


def contents(used: Used, environ: Mapping[str, str]) -> str | None:
    """Give the SHA-256 of the files, of the folders' listings, and of the variables they name.

    Those are variables that are not in the key because they differ with each start. None if a
    file is gone.
    """
    passing = {k: v for k, v in environ.items() if _PASSING.fullmatch(k) and k != "_"}
    sources = [_read(file) for file in used.files]
    if None in sources:
        return None
    whole = b"\0".join(filter(None, sources)).lower()  # pydantic names a variable in lower case
    named = sorted(each for each in passing.items() if _written(each[0]) in whole)
    modules = [(folder, _listed(folder, str.isidentifier)) for folder in used.folders]
    versions = [(folder, _listed(folder, lambda _: True)) for folder in used.versions]
    revisions = [
        _read(f"{folder}/{name}")
        for folder, names in versions
        for name in names
        if name.endswith(_SOURCES)
    ]
    told = _encoded((used.files, modules, versions, named))
    return _digest((told, *(source or b"" for source in (*sources, *revisions))))


def used_by(projects: Iterable[Project], scripts: Iterable[ScriptDirectory]) -> Used:
    """Give what these projects, which ran in this process, were loaded from."""
    files: set[str] = set()
    for project in projects:
        config = project.config
        named = (config.config_file_name, getattr(config, "toml_file_name", None))
        files |= {os.path.abspath(name) for name in named if name and os.path.isfile(name)}
        files.add(os.path.abspath(project.script.env_py_location))
    versions = {folder for script in scripts for folder in _version_folders(script)}
    modules = {file for file in own_modules() if os.path.dirname(file) not in versions}
    folders = {os.path.dirname(file) for file in modules} | {*_packages()}
    folders |= {path for path in map(os.path.abspath, sys.path) if _own(path)}
    listed = filter(os.path.isdir, folders - versions)
    return Used(tuple(sorted(files | modules)), tuple(sorted(listed)), tuple(sorted(versions)))


def own_modules() -> tuple[str, ...]:
    """Give the files of the imported modules that are neither Python's, nor ours, nor installed."""
    found = {vars_.get("__file__") for vars_ in _modules()}
    return tuple(
        sorted(
            file
            for file in found
            if isinstance(file, str) and file.endswith(_IMPORTABLE) and _own(file)
        )
    )


def _modules() -> Iterator[Mapping[str, object]]:
    """Give the names in each module; asked for an attribute, one that is lazy would load itself."""
    return (getattr(module, "__dict__", {}) for module in list(sys.modules.values()))


def _packages() -> Iterator[str]:
    """Give the folders of the project's own packages, those without a file included."""
    for names in _modules():
        for folder in list(names.get("__path__") or ()):  # type: ignore[call-overload] # of whatever
            if isinstance(folder, str) and _own(folder):
                yield folder


def _own(path: str) -> bool:
    return not f"{path}/".startswith(_passed()) and not any(
        f"/{name}/" in f"{path}/" for name in _PACKAGES
    )


@cache
def _passed() -> tuple[str, ...]:
    """Give the folders of Python's own library and of this program."""
    import sysconfig  # noqa: PLC0415 - only after the project ran, which loads it anyway

    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    python = (sysconfig.get_path(name) for name in ("stdlib", "platstdlib"))
    return tuple(f"{each}/" for each in (ours, *python) if each)


def _version_folders(script: ScriptDirectory) -> Iterator[str]:
    """Give the folders that Alembic looks into, and any that a revision came from all the same.

    An env.py may have replaced the locations when the revisions had been loaded.
    """
    places = [os.path.abspath(place) for place in script._version_locations]  # noqa: SLF001 - where Alembic looks
    loaded = {os.path.dirname(each.path) for each in script.walk_revisions()}
    for place in (*places, *(loaded - {os.path.realpath(place) for place in places})):
        for folder, inner, _ in os.walk(place):
            if script.sourceless or os.path.basename(folder) != _CACHE:
                yield folder
            if not script.recursive_version_locations:
                inner[:] = [name for name in inner if name == _CACHE]
    # a folder that is added later is in the listing of the one that it is in


def _listed(folder: str, counts: Callable[[str], bool]) -> list[str]:
    """Give what can be imported from a folder, and each folder in it that counts by its name.

    Nothing of one that is not there.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(
                entry.name
                for entry in entries
                if entry.name.endswith(_IMPORTABLE)
                or (entry.name != _CACHE and counts(entry.name) and entry.is_dir())
            )
    except OSError:
        return []


def _installed() -> Iterator[object]:
    """Give Python, this program, and each installed package with the time of its installation."""
    here = os.getcwd()
    flags = (sys.flags.optimize, sys.flags.dev_mode, sys.flags.no_site, sys.flags.no_user_site)
    yield (sys.version, __version__, sys.prefix, flags, sys.warnoptions)
    yield (here, here in sys.path or "" in sys.path)
    for folder in sys.path:
        try:
            with os.scandir(folder or here) as entries:
                packages = sorted(
                    (entry.name, entry.stat().st_mtime_ns)
                    for entry in entries
                    if entry.name.endswith(_METADATA)
                )
        except OSError:
            continue
        if packages:
            yield (folder or here, packages)


def _read(file: str) -> bytes | None:
    try:
        with open(file, "rb", buffering=0) as opened:
            return opened.read()
    except OSError:
        return None


def _encoded(told: object) -> bytes:
    return repr(told).encode(errors="surrogateescape")


def _written(variable: str) -> bytes:
    return variable.lower().encode(errors="surrogateescape")


def _digest(parts: Iterable[bytes]) -> str:
    """Give the SHA-256 of parts that cannot be taken for others divided otherwise."""
    digest = sha256()
    for part in parts:
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.hexdigest()
