"""The files that describe the project: where its parts are, and what env.py can ask of them.

They are searched for, and read, as `migrator.project.find` does it, and Alembic's `Config` and
`ScriptDirectory.from_config`, in Alembic 1.13 and in the later ones, which differ: since 1.16
there is `pyproject.toml` too, and another option for how lists are separated.
"""

from __future__ import annotations

import os
import re
from configparser import ConfigParser
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from migrator.outline import installed
from migrator.outline.doubt import DoubtError

if TYPE_CHECKING:
    from collections.abc import Mapping

_INI, _TOML = "alembic.ini", "pyproject.toml"
_OPTIONS = frozenset(
    "file_template here output_encoding path_separator prepend_sys_path"
    " recursive_version_locations revision_environment script_location sourceless sqlalchemy.url"
    " timezone truncate_slug_length version_locations version_path_separator".split()
)
_TABLE = _OPTIONS | {"post_write_hooks"}
_TEXTS = ("file_template", "output_encoding", "timezone")
_SEPARATORS = {"space": " ", "newline": "\n", "os": os.pathsep, ":": ":", ";": ";"}
_SPACE_COMMA, _SPACE_COMMA_COLON = r", *|(?: +)", r", *|(?: +)|\:"
_FLASK = re.compile(rb"flask_migrate|current_app")


class Configuration(NamedTuple):
    """One section's description of the project."""

    section: str
    ini: Path | None
    toml: Path | None
    """Only where it has a `[tool.alembic]`."""
    parser: ConfigParser
    """The ini file, or what Alembic has in its place where there is none."""
    table: Mapping[str, Any]
    """`[tool.alembic]`."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files it was read from."""
        return tuple(file for file in (self.ini, self.toml) if file)

    def option(self, name: str) -> str | None:
        """Give an option of text, the ini file's, else pyproject.toml's."""
        if self.parser.has_option(self.section, name):
            return self.parser.get(self.section, name)
        value = self.table.get(name)
        return None if value is None else self._written(value)

    def true(self, name: str) -> bool:
        """Tell whether an option is set."""
        if self.parser.has_option(self.section, name):
            return self.parser.get(self.section, name) == "true"
        value = self.table.get(name, False)
        if not isinstance(value, bool):
            raise DoubtError(f"{name} is neither true nor false")
        return value

    def listed(self, name: str, separators: tuple[str, ...], otherwise: str) -> list[str]:
        """Give an option of several, which the first separator that is named parts."""
        value = self.parser.get(self.section, name, fallback="")
        if not value:
            values = self.table.get(name, [])
            if not isinstance(values, list):
                raise DoubtError(f"{name} is not a list")
            return [self._written(value) for value in values]
        for separator in separators:
            if self.parser.has_option(self.section, separator):
                sign = _SEPARATORS[self.parser.get(self.section, separator)]
                return [part.strip() for part in value.split(sign) if part]
        return re.split(otherwise, value)

    def check(self) -> None:
        """See that Alembic can read all of it, and that it says nothing else.

        Raises `DoubtError` for an option of which nobody knows what it does.
        """
        unknown = {*self.parser.options(self.section)} - _OPTIONS | {*self.table} - _TABLE
        if unknown:
            raise DoubtError(f"nobody knows what {min(unknown)} does")
        for name in _TEXTS:
            self.option(name)
        for section in {self.section, "post_write_hooks"} & {*self.parser.sections()}:
            self.parser.items(section)  # raises where a % is not closed
        for hook in self.table.get("post_write_hooks", ()):
            for value in (hook["name"], *hook.values()):
                self._written(value)
        if not str(self.table.get("truncate_slug_length", 0)).isdecimal():
            raise DoubtError("truncate_slug_length is not a number")
        int(self.parser.get(self.section, "truncate_slug_length", fallback="0"))

    def _written(self, value: object) -> str:
        """Give a text of pyproject.toml, where `%(here)s` is its folder."""
        if not isinstance(value, str) or not self.toml:
            raise DoubtError(f"{value!r} is not a text")
        return value % {"here": self.toml.absolute().parent.as_posix()}


class Places(NamedTuple):
    """Where the parts of a project are."""

    scripts: Path
    versions: tuple[Path, ...]
    recursive: bool
    prepended: frozenset[str]
    """Folders that Alembic puts in front of the search path."""

    @property
    def env_py(self) -> Path:
        """The file that Alembic runs."""
        return self.scripts / "env.py"


def read(named: str | None, section: str, environ: Mapping[str, str]) -> Configuration:
    """Give one section of the project that is found from here.

    Raises `DoubtError` where there is none, or where it is Flask's.
    """
    file = _file(named or environ.get("ALEMBIC_CONFIG"))
    if ".." in file.parts or environ.get("FLASK_APP"):
        raise DoubtError("the file is reached in a roundabout way, or by Flask")
    _refuse_flask(file.parent / "env.py")
    toml = file.parent / _TOML
    table = _table(toml)
    ini = None if file.name == _TOML else file
    parser = _parsed(ini) if ini else ConfigParser({"here": "."})
    if not parser.has_section(section):
        if table is None:
            raise DoubtError(f"there is no section [{section}]")
        parser.add_section(section)
    return Configuration(section, ini, None if table is None else toml, parser, table or {})


def places(configuration: Configuration) -> Places:
    """Give the places of a project's parts.

    Raises `DoubtError` where Alembic's versions would not agree on them.
    """
    if configuration.true("sourceless"):
        raise DoubtError("revisions may be there without their source")
    separators = ("path_separator", "version_path_separator")
    locations = configuration.listed("version_locations", separators, _SPACE_COMMA)
    if locations != configuration.listed("version_locations", separators[1:], _SPACE_COMMA):
        raise DoubtError("version_locations depends on Alembic's version")
    prepended = {
        folder
        for separator in (("path_separator",), ())
        for folder in configuration.listed("prepend_sys_path", separator, _SPACE_COMMA_COLON)
    }
    scripts = _folder(configuration.option("script_location"))
    return Places(
        scripts,
        tuple(map(_folder, locations)) or (scripts / "versions",),
        configuration.true("recursive_version_locations"),
        frozenset(prepended),
    )


def _file(named: str | None) -> Path:
    for candidate in (named,) if named else (_INI, _TOML):
        if Path(candidate).is_file():
            return Path(candidate)
    raise DoubtError("there is no alembic.ini and no pyproject.toml")


def _refuse_flask(env_py: Path) -> None:
    """Refuse an env.py beside the file that `migrator.project.flask` may take for Flask's."""
    if env_py.is_file():
        source = env_py.read_bytes()
        source.decode()
        if _FLASK.search(source):
            raise DoubtError("env.py may be Flask's")


def _parsed(ini: Path) -> ConfigParser:
    parser = ConfigParser({"here": ini.absolute().parent.as_posix()})
    parser.read(ini, encoding="ascii")  # what another byte means is the locale's to decide
    return parser


def _table(toml: Path) -> Mapping[str, Any] | None:
    """Give `[tool.alembic]`, or None where there is none."""
    if not toml.is_file():
        return None
    import tomllib  # noqa: PLC0415 - not every project has the file

    table = tomllib.loads(toml.read_bytes().decode()).get("tool", {}).get("alembic")
    if table is not None and installed.version("alembic") < (1, 16):
        raise DoubtError(f"{toml} describes the project, which Alembic reads since 1.16 only")
    return None if table is None else dict(table)


def _folder(written: str | None) -> Path:
    """Give a folder that is written so.

    Raises `DoubtError` where it is a package's, or where Alembic's versions resolve it differently.
    """
    if not written or ".." in Path(written).parts:
        raise DoubtError(f"{written} is not the plain name of a folder")
    if ":" in written and not Path(written).is_absolute():
        raise DoubtError(f"{written} is a package's folder")
    return Path(written)
