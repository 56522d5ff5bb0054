"""The whole reading: head and version table, where the files prove both.

What they prove is what the full path would find: that the project opens, that all revisions
load and make one history with one head, that env.py runs on the target and asks for migrations,
and which version table it configures. It takes milliseconds, and nothing of the project runs.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from migrator.outline import configuration, history, search_path, versions
from migrator.outline.doubt import DoubtError
from migrator.outline.environment import version_table
from migrator.outline.proven import Outline, usual
from migrator.outline.versions import source_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrator.settings.table import Settings


def read(settings: Settings, environ: Mapping[str, str]) -> Outline | None:
    """Give the outline of the project that is found from here, or None where anything is in doubt.

    Whatever goes wrong here goes wrong again on the full path, which says what it is.
    """
    try:
        return prove(settings, environ)
    except Exception:  # noqa: BLE001 - a reading may trip over anything that files can hold
        return None


def prove(settings: Settings, environ: Mapping[str, str]) -> Outline:
    """Give the outline of the project.

    Raises `DoubtError`, which says what is in doubt, or whatever it tripped over.
    """
    if not usual(settings):
        raise DoubtError("the target, the arguments or the sections are unusual")
    found = configuration.read(settings.config, settings.config_section[0], environ)
    places = configuration.places(found)
    search_path.check(places.prepended)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python's, of what it compiles
        env_py = source_file(places.env_py)
        table = version_table(env_py, found, settings.database_url, environ)
        files = versions.files(places.versions, recursive=places.recursive)
        revisions = list(history.revisions(files))
        head = history.head(revisions)
    return Outline(head, table, {one.id: f.path for one, f in zip(revisions, files, strict=True)})


def revisions(settings: Settings, environ: Mapping[str, str]) -> frozenset[str] | None:
    """Give the ids of the project's revisions, or None where the files do not prove them."""
    try:
        found = configuration.read(settings.config, settings.config_section[0], environ)
        places = configuration.places(found)
        files = versions.files(places.versions, recursive=places.recursive)
        return frozenset(revision.id for revision in history.revisions(files))
    except Exception:  # noqa: BLE001 - as in `read`
        return None
