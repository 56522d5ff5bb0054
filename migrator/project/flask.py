"""Run a Flask-Migrate project inside its application's context."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from migrator.errors import ProjectError
from migrator.project import environ

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from alembic.config import Config

    from migrator.settings.table import Settings

_MENTION = re.compile(r"\bflask_migrate\b|\bcurrent_app\b")


def concerns(file: Path) -> bool:
    """Tell whether the project of this file is Flask's: FLASK_APP says so, or its env.py does."""
    if not file.is_file():
        return False
    env_py = file.parent / "env.py"
    mentioned = env_py.is_file() and _MENTION.search(
        env_py.read_text(encoding="utf-8", errors="replace")
    )
    return bool(environ.variable("FLASK_APP") or mentioned)


def load(
    file: Path, settings: Settings
) -> tuple[Callable[[], AbstractContextManager[None]], Config | None]:
    """Give the application's context, and the Config that `flask db upgrade` would make of it.

    The Config is None where the file is not laid out as Flask-Migrate does it.

    Raises `ProjectError` where Flask cannot load the application.
    """
    app = _application(settings)

    @contextmanager
    def within() -> Iterator[None]:
        from flask import g  # noqa: PLC0415 - only where the project uses Flask

        with app.app_context():
            g.x_arg = list(settings.x)
            yield

    migrate = app.extensions.get("migrate")
    if migrate is None or file.name != "alembic.ini" or not (file.parent / "env.py").is_file():
        return within, None
    with within():
        return within, migrate.migrate.get_config(str(file.parent))


def _application(settings: Settings) -> Any:  # noqa: ANN401 - a flask.Flask
    try:
        from flask.cli import ScriptInfo  # noqa: PLC0415 - only where the project uses Flask
    except ImportError:
        message = "env.py needs Flask (FLASK_APP, current_app), which is not installed here."
        hint = "Install migrator into the application's own environment."
        raise ProjectError(message, hint=hint) from None
    with environ.as_under_alembic(settings.database_url, ["upgrade", settings.target]):
        try:
            return ScriptInfo(app_import_path=environ.variable("FLASK_APP")).load_app()
        except Exception as error:
            message = f"Flask could not load the application: {type(error).__name__}: {error}"
            raise ProjectError(message, hint="FLASK_APP names it, as module:factory.") from error
