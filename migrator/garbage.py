"""Garbage collection: none while Alembic is loaded, and what is loaded then is not looked through.

Its modules and SQLAlchemy's last until the end of the process. To look for garbage among them
takes 35 ms while they load, and 60 more at the interpreter's end.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def uncollected() -> Iterator[None]:
    """Load what lasts; after the block garbage is collected, but for what is there by then."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.enable()
