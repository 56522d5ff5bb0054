"""Environment variables for programs and backup stores, and what the platform says."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_FOR_PROGRAMS = ("HOME", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ")
_ENDPOINT = re.compile(r"(AWS|AZURE)_\w*ENDPOINT")
_OF_PROGRAMS = ("KRB5", "PG", "SSL_")


def for_program(**given: str) -> dict[str, str]:
    """Give what a program of Postgres needs, and no secret that is not libpq's.

    Its messages are in English, as the log is.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in _FOR_PROGRAMS or name.startswith(_OF_PROGRAMS)
    }
    return {**kept, "LC_ALL": "C", **given}


def variables() -> Mapping[str, str]:
    """Give the environment."""
    return os.environ


def plain_http() -> bool:
    """Tell whether the endpoint of a store says `http`, and so asks for no TLS."""
    told = (
        v for k, v in os.environ.items() if "ENDPOINT" in k and k.startswith(("AWS_", "AZURE_"))
    )
    return any(value.startswith("http://") for value in told)
