"""One number for all that decides what a run finds, but for what the project's code imports."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from migrator.outline import compiled, configuration, installed, variables, versions
from migrator.outline.versions import source_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from migrator.settings.table import Settings


def fingerprint(settings: Settings, environ: Mapping[str, str]) -> str | None:
    """Give the SHA-256 of the configuration, env.py and the revisions, with their names.

    With them go the address, what is installed, and the variables of the environment. Gives None
    where it is not known which files those are. Of the project's own modules, which env.py and the
    revisions may import, it knows nothing.
    """
    try:
        return _digest(settings, environ)
    except Exception:  # noqa: BLE001 - a reading may trip over anything that files can hold
        return None


def _digest(settings: Settings, environ: Mapping[str, str]) -> str:
    digest = sha256()
    for part in _parts(settings, environ):
        digest.update(b"%d:" % len(part))
        digest.update(part)
    return digest.hexdigest()


def _parts(settings: Settings, environ: Mapping[str, str]) -> Iterator[bytes]:
    address = dict(settings.database_url.parameters)
    for passing in ("password", "application_name"):
        address.pop(passing, None)
    yield repr((sorted(address.items()), settings.x, settings.target)).encode()
    yield variables.lasting(environ)
    yield installed.state()
    for section in settings.config_section:
        yield section.encode()
        found = configuration.read(settings.config, section, environ)
        places = configuration.places(found)
        described = [source_file(file) for file in (*found.files, places.env_py)]
        for file in described:
            yield _named(file)
            yield variables.named(compiled.source(file), environ)
        yield from map(_named, versions.files(places.versions, recursive=places.recursive))


def _named(file: versions.SourceFile) -> bytes:
    return file.name.encode(errors="surrogateescape") + b"\0" + compiled.source(file)
