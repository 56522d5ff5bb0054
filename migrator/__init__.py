"""Brings one Postgres database to the head of one Alembic project, and proves it.

`migrator.run(config)` does the whole job for a project whose own command builds its
`alembic.config.Config` in code; everyone else uses the command `migrator run`. An application asks
`migrator.status(engine)` and `migrator.require_head(engine)`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from migrator.errors import MigratorError, NotAtHeadError
from migrator.version import __version__

__all__ = ["MigratorError", "NotAtHeadError", "__version__", "require_head", "run", "status"]

if TYPE_CHECKING:
    from migrator.api import require_head, run, status
else:

    def __getattr__(name: str) -> object:
        """Load what an application calls once it is asked for: `import migrator` stays light."""
        if name not in __all__:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        from migrator import api  # noqa: PLC0415 - as above

        return getattr(api, name)

    class _Package(ModuleType):
        """Keeps `migrator.status` the function: importing the folder of that name would bind it."""

        def __setattr__(self, name: str, value: object) -> None:
            if not (name in __all__ and isinstance(value, ModuleType)):
                super().__setattr__(name, value)

    sys.modules[__name__].__class__ = _Package
