"""One number for all the files that decide what a run finds."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from migrator.outline import compiled, configuration, versions
from migrator.outline.versions import source_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrator.settings import Settings


def fingerprint(settings: Settings, environ: Mapping[str, str]) -> str | None:
    """Give the SHA-256 of the configuration, env.py and the revisions, with their names.

    Gives None where it is not known which files those are. Of the modules that env.py and the
    revisions import it knows nothing, nor of the versions of what is installed.
    """
    try:
        return _digest(settings, environ)
    except Exception:  # noqa: BLE001 - a reading may trip over anything that files can hold
        return None


def _digest(settings: Settings, environ: Mapping[str, str]) -> str:
    digest = sha256()
    for section in settings.config_section:
        found = configuration.read(settings.config, section, environ)
        places = configuration.places(found)
        files = [source_file(file) for file in (*found.files, places.env_py)]
        files += versions.files(places.versions, recursive=places.recursive)
        for part in (section.encode(), *map(_named, files)):
            digest.update(b"%d:" % len(part))
            digest.update(part)
    return digest.hexdigest()


def _named(file: versions.SourceFile) -> bytes:
    return file.name.encode(errors="surrogateescape") + b"\0" + compiled.source(file)
