"""The project's own modules: which of them a run imported, and one number for what they say."""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.outline import variables

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_INSTALLED = ("site-packages", "dist-packages")


def files() -> tuple[str, ...]:
    """Give the files of the modules imported by now that are neither Python's nor installed.

    What is installed has a place of its own in the fingerprint.
    """
    import sysconfig  # noqa: PLC0415 - only where the project was run, which loads it anyway

    ours = str(Path(__file__).parent.parent)
    python = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    passed = (ours, *filter(None, python))
    found = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    return tuple(
        sorted(
            file
            for file in found
            if isinstance(file, str)
            and file.endswith(".py")
            and not file.startswith(passed)
            and not any(f"/{name}/" in file for name in _INSTALLED)
        )
    )


def digest(imported: Iterable[str], environ: Mapping[str, str]) -> str:
    """Give the SHA-256 of these files, and of the passing variables that they name.

    Raises `OSError` where one cannot be read.
    """
    whole = sha256()
    for file in imported:
        with open(file, "rb", buffering=0) as opened:  # noqa: PTH123 - pathlib takes longer
            source = opened.read()
        for part in (file.encode(errors="surrogateescape"), source):
            whole.update(b"%d:" % len(part))
            whole.update(part)
        whole.update(variables.named(source, environ))
    return whole.hexdigest()
