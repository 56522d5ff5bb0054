"""The version table that env.py surely uses, on a connection that surely reaches the target."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from migrator.handover import OPTION, VARIABLE, bare_driver, for_option, for_variable
from migrator.outline import compiled, installed
from migrator.outline.context import Config, Context, Environ
from migrator.outline.course import Course
from migrator.outline.doubt import DoubtError
from migrator.outline.stage import stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrator.database.version_table import VersionTable
    from migrator.outline.configuration import Configuration
    from migrator.outline.versions import SourceFile
    from migrator.settings.address import Address


def version_table(
    env_py: SourceFile,
    configuration: Configuration,
    address: Address,
    environ: Mapping[str, str],
) -> VersionTable:
    """Give the version table; the target's URL is put into the configuration, as for env.py.

    Raises `DoubtError`, or whatever following env.py came to.
    """
    code = compiled.code(env_py)
    source = compiled.source_of(env_py, code)
    _give_url(configuration, address, source)
    context = Context(Config(configuration))
    variables = Environ(lambda: _variable(address, environ))
    try:
        Course(code, stage(context, variables, address, environ)).visit(ast.parse(source))
    except DoubtError as doubt:
        raise DoubtError(f"{env_py.path}: {doubt}") from None
    if context.table is None or not context.migrated:
        raise DoubtError(f"{env_py.path} asks for no migration")
    return context.table


def _give_url(configuration: Configuration, address: Address, env_py: bytes) -> None:
    """Put the URL where `migrator.project.url` puts it."""
    parser, section = configuration.parser, configuration.section
    written = parser.get(section, OPTION, raw=True, fallback="")
    url = for_option(address, written, env_py.decode(errors="replace"))
    parser.set(section, OPTION, url.replace("%", "%%"))
    configuration.check()


def _variable(address: Address, environ: Mapping[str, str]) -> str:
    """Give the URL that `migrator.project.surroundings` puts into the environment."""

    def bare_works() -> bool:
        return installed.has(bare_driver(installed.version("sqlalchemy")))

    return for_variable(address, environ.get(VARIABLE), bare_works)
