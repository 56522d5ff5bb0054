"""dbmate, the nearest native tool: its program out of a package of npm, and what it measures on."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import tarfile
import tempfile
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.history import statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.bench import Bench

VERSION = "2.36.0"
_PACKAGES = {"x86_64": "@dbmate/linux-x64", "aarch64": "@dbmate/linux-arm64"}
_PLACE = Path(tempfile.gettempdir()) / f"migrator-benchmarks-{os.getuid()}" / f"dbmate-{VERSION}"


@cache
def program() -> tuple[Path | None, str]:
    """Give dbmate's path, or None and why there is none."""
    here = _PLACE / "package" / "bin" / "dbmate"
    if here.exists():
        return here, ""
    package = _PACKAGES.get(platform.machine())
    if package is None or platform.system() != "Linux":
        return None, f"dbmate was not measured: no package of it for {platform.machine()}."
    if not shutil.which("npm"):
        return None, "dbmate was not measured: it comes out of a package of npm, which is not here."
    _PLACE.mkdir(parents=True, exist_ok=True, mode=0o700)
    line = ["npm", "pack", "--silent", f"--pack-destination={_PLACE}", f"{package}@{VERSION}"]
    with suppress(OSError, subprocess.SubprocessError, tarfile.TarError):
        subprocess.run(line, cwd=_PLACE, check=True, capture_output=True, timeout=120)
        (packed,) = _PLACE.glob("*.tgz")
        with tarfile.open(packed) as opened:
            opened.extractall(_PLACE, filter="data")
        here.chmod(0o755)
        return here, ""
    return None, "dbmate was not measured: npm could not fetch its package."


@contextmanager
def dbmate(made: Bench, length: int) -> Iterator[str | None]:
    """Give the command that finds nothing to do on the same history in SQL, or None.

    It has a database of its own on the same server.
    """
    found, _ = program()
    if found is None:
        yield None
        return
    files = made.folder.parent / "sql"
    statements(files, length)
    with made.server.fresh() as database:
        url = f"{database.url}?sslmode=disable"
        options = ["--url", url, "--migrations-dir", str(files), "--no-dump-schema"]
        line = shlex.join([str(found), *options, "migrate"])
        made.once(line)
        yield line
    shutil.rmtree(files)
