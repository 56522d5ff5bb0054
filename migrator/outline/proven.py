"""What can be proven of a project, and of which one."""

from __future__ import annotations

import sys
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from migrator.database.version_table import VersionTable
    from migrator.settings.table import Settings


class Outline(NamedTuple):
    """What the files of a project prove."""

    head: str
    table: VersionTable
    """Where no schema is named, the one in which the connection's search path finds it."""
    files: Mapping[str, str] = MappingProxyType({})
    """The files of the revisions, where they had to be read."""

    def satisfied_by(self, rows: Iterable[str]) -> bool:
        """Tell whether nothing is pending where the version table has these rows.

        Where they are others, that may be so all the same; the full path knows.
        """
        return list(rows) == [self.head]


def usual(settings: Settings) -> bool:
    """Tell whether one history is to be brought to its one head, and nothing else is said."""
    return (
        settings.target == "head"
        and not settings.x
        and len(settings.config_section) == 1
        and not sys.warnoptions  # by which Python may be told to take warnings for errors
    )
