"""Find the Alembic project, as the `alembic` command does, or that of Flask-Migrate."""

from __future__ import annotations

import configparser
import inspect
import os
import tomllib
from argparse import Namespace
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager, nullcontext
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic.config import CommandLine, Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from migrator.errors import ProjectError
from migrator.project import environ, flask
from migrator.project.url import give_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from migrator.settings.table import Settings

_INI, _TOML, _FLASK = Path("alembic.ini"), Path("pyproject.toml"), Path("migrations/alembic.ini")

_UPGRADE = "upgrade"

Within = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Project:
    """An Alembic project as one section of its configuration describes it."""

    config: Config
    script: ScriptDirectory
    settings: Settings
    command: str
    revision: str
    """What `alembic` would have been told: `upgrade` and the target; a command may take none."""
    within: Within = nullcontext
    """What env.py must run inside of, such as a Flask application's context."""
    flags: tuple[str, ...] = ()
    """What `alembic` would have been told besides, after the command."""

    @property
    def section(self) -> str:
        """The section's name, as `alembic -n`."""
        return self.config.config_ini_section

    @property
    def line(self) -> list[str]:
        """The command line that `alembic` would have been given."""
        return arguments(self.settings.x, *filter(None, (self.command, *self.flags, self.revision)))


def unreadable(error: OSError) -> ProjectError:
    """Give the error for a file or folder of the project that this process may not read."""
    return ProjectError(
        f"{error.filename} cannot be read: {error.strerror}.",
        hint=f"This process is user {os.getuid()} of group {os.getgid()}, which must be able to"
        " read the project.",
    )


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise unreadable(error) from None


@_readable()
def find(settings: Settings) -> tuple[Project, ...]:
    """Give the project, once for each section asked for.

    Raises `ProjectError` where there is none, or none that Alembic can open.
    """
    file = _file(settings.config)
    file.read_bytes()  # Alembic passes over an ini file that it may not read
    if not flask.concerns(file):
        return tuple(opened(_config(file, name), settings) for name in settings.config_section)
    within, config = flask.load(file, settings)
    configs = [config] if config else [_config(file, name) for name in settings.config_section]
    return tuple(replace(opened(made, settings), within=within) for made in configs)


@_readable()
def opened(config: Config, settings: Settings) -> Project:
    """Give the project of a Config; the target's URL is put where env.py files look for it."""
    try:
        if not config.cmd_opts:
            config.cmd_opts = _options(arguments(settings.x, _UPGRADE, settings.target))
        _place_script_beside(config)
        script = ScriptDirectory.from_config(config)
    except (CommandError, configparser.Error) as error:
        message = f"The Alembic project cannot be opened: {str(error).rstrip('.')}."
        raise ProjectError(message, hint=_hint()) from None
    give_url(config, Path(script.env_py_location), settings.database_url)
    return Project(config, script, settings, _UPGRADE, settings.target)


def _file(named: str | None) -> Path:
    named = named or environ.variable("ALEMBIC_CONFIG")
    if named:
        if not Path(named).is_file():
            raise ProjectError(f"There is no Alembic project: {named} is not a file.", hint=_hint())
        return Path(named)
    if _INI.is_file():
        return _INI
    if _describes_alembic(_TOML):
        return _TOML
    if flask.concerns(_FLASK):
        return _FLASK
    message = (
        "There is no Alembic project here: no alembic.ini, no [tool.alembic]"
        " in pyproject.toml, no migrations/ of Flask-Migrate."
    )
    raise ProjectError(message, hint=_hint())


def _describes_alembic(toml: Path) -> bool:
    if not toml.is_file():
        return False
    try:
        return "alembic" in tomllib.loads(toml.read_text(encoding="utf-8")).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProjectError(f"{toml} cannot be read: {error}.") from None


def _config(file: Path, section: str) -> Config:
    beside = file.parent / _TOML
    if file.name != _TOML.name:
        config = Config(str(file), ini_section=section, **_toml_file(beside))
        _read(config)
        if not config.file_config.has_section(section) and not _describes_alembic(beside):
            raise ProjectError(f"{file} has no section [{section}].", hint=_hint())
        return config
    arguments = _toml_file(file)
    if not arguments:
        message = f"{file} describes the project, which Alembic reads since 1.16 only."
        raise ProjectError(message, hint="Upgrade Alembic, or write an alembic.ini.")
    return Config(ini_section=section, **arguments)


def _read(config: Config) -> None:
    """Have the ini file read, and say what is wrong with it."""
    try:
        config.file_config  # noqa: B018 - Alembic reads the file at the first look
    except (configparser.Error, UnicodeDecodeError) as error:
        told = " ".join(str(error).split())
        raise ProjectError(f"{config.config_file_name} cannot be read: {told}.") from None


def _toml_file(toml: Path) -> dict[str, Any]:
    """Give Alembic the pyproject.toml too, as its own command does, where it knows of it."""
    knows = "toml_file" in inspect.signature(Config).parameters
    return {"toml_file": str(toml)} if knows and _describes_alembic(toml) else {}


def downgrading(project: Project, revision: str) -> Project:
    """Give the project as `alembic downgrade` would open it."""
    return _under(project, "downgrade", revision)


def checking(project: Project) -> Project:
    """Give the project as `alembic check` would open it."""
    return _under(project, "check")


def revising(project: Project, message: str, *, autogenerate: bool) -> Project:
    """Give the project as `alembic revision` would open it."""
    flags = ("--autogenerate",) if autogenerate else ()
    return _under(project, "revision", flags=(*flags, f"--message={message}"))


def _under(
    project: Project, command: str, revision: str = "", flags: tuple[str, ...] = ()
) -> Project:
    found = replace(
        project, config=copy(project.config), command=command, revision=revision, flags=flags
    )
    line = _options(found.line)
    told = {**vars(line), **vars(project.config.cmd_opts), "cmd": line.cmd, "revision": revision}
    found.config.cmd_opts = Namespace(**told)
    return found


def _options(line: Sequence[str]) -> Namespace:
    """Give what the `alembic` command would: env.py files read `config.cmd_opts`."""
    return CommandLine(prog="alembic").parser.parse_args(line)


def arguments(x: Sequence[str], *command: str) -> list[str]:
    """Give a command line of `alembic`."""
    return [*(part for value in x for part in ("-x", value)), *command]


def _place_script_beside(config: Config) -> None:
    """Take the ini file's directory where it names no script_location, as Flask-Migrate does."""
    if config.config_file_name and not option(config, "script_location"):
        beside = Path(config.config_file_name).absolute().parent
        if (beside / "env.py").is_file():
            config.set_main_option("script_location", str(beside).replace("%", "%%"))


def option(config: Config, name: str) -> str | None:
    """Give an option of the section, from whichever file has it."""
    read = getattr(config, "get_alembic_option", config.get_main_option)  # 1.16 reads TOML too
    value: str | None = read(name)
    return value


def _hint() -> str:
    return (
        "MIGRATOR_CONFIG (-c) names the project's file, MIGRATOR_CONFIG_SECTION (-n) its section;"
        f" the working directory is {Path.cwd()}."
    )
