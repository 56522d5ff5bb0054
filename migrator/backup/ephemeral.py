"""Whether a directory is thrown away with the container that it is in."""

from __future__ import annotations

import os
from pathlib import Path

from migrator.process import environment

MOUNTS = Path("/proc/self/mountinfo")
_THROWN_AWAY = {
    "overlay": "is in the container's own file system, which is thrown away with it",
    "aufs": "is in the container's own file system, which is thrown away with it",
    "tmpfs": "is in memory (tmpfs), which is gone after a restart",
    "ramfs": "is in memory (ramfs), which is gone after a restart",
}


def reason(directory: Path) -> str | None:
    """Say why a backup in this directory would soon be gone, or None where nothing says so."""
    found = directory.resolve()
    if _on_railway() and not _on_its_volume(found):
        return "is on no volume of this Railway service, and a pre-deploy container has none"
    return _THROWN_AWAY.get(_file_system(found))


def _on_railway() -> bool:
    told = environment.variables()
    return bool(told.get("RAILWAY_SERVICE_ID") or told.get("RAILWAY_ENVIRONMENT_ID"))


def _on_its_volume(directory: Path) -> bool:
    volume = environment.variables().get("RAILWAY_VOLUME_MOUNT_PATH")
    if not volume or not os.path.ismount(volume):
        return False
    return directory.is_relative_to(Path(volume).resolve())


def _file_system(directory: Path) -> str:
    """Give the type of the file system, by the longest mount point above; empty if unknown.

    proc(5), "mountinfo": the mount point is the fifth field, the type the first behind a dash.
    """
    try:
        lines = MOUNTS.read_text().splitlines()
    except OSError:
        return ""
    found = ("", "")
    for line in lines:
        before, _, behind = line.partition(" - ")
        point = before.split()[4].encode().decode("unicode_escape")
        if directory.is_relative_to(point) and len(point) >= len(found[0]):
            found = (point, behind.split()[0])
    return found[1]
