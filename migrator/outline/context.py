"""What stands in env.py's names for Alembic's things and the environment's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from migrator.database.version_table import VersionTable
from migrator.handover import OPTION, VARIABLE
from migrator.outline import logging_sections
from migrator.outline.doubt import DoubtError
from migrator.outline.stand_ins import Block, Connection, Function, Metadata, StandIn

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrator.outline.configuration import Configuration

_NAME = re.compile(r"(?!pg_)[A-Za-z_]\w{0,62}", re.ASCII)
_FLAGS = frozenset(
    "compare_server_default compare_type include_schemas render_as_batch"
    " transaction_per_migration transactional_ddl version_table_pk".split()
)
_FUNCTIONS = frozenset(
    "compare_server_default compare_type include_name include_object process_revision_directives"
    " render_item".split()
)
"""Options of `configure` for how revisions are made or applied, which is not done here."""


class Config(StandIn):
    """`context.config`."""

    knows = frozenset(
        "attributes config_file_name config_ini_section get_main_option get_section"
        " set_main_option".split()
    )

    def __init__(self, configuration: Configuration) -> None:
        """Answer from the files, in which the target's URL has been put."""
        self._parser = configuration.parser
        self.config_ini_section = configuration.section
        self.config_file_name = str(configuration.ini) if configuration.ini else None
        self.attributes: dict[str, object] = {}

    def get_section(self, name: str, default: object = None) -> object:
        """Give the options of a section."""
        return dict(self._parser.items(name)) if self._parser.has_section(name) else default

    def get_main_option(self, name: str, default: str | None = None) -> str | None:
        """Give an option."""
        return self._parser.get(self.config_ini_section, name, fallback=default)

    def set_main_option(self, name: str, value: str) -> None:
        """Set the URL, and no other option."""
        if name != OPTION:
            raise DoubtError(f"it sets {name}")
        self._parser.set(self.config_ini_section, name, value)

    def file_config(self, fname: str, *, disable_existing_loggers: bool = True) -> None:
        """Stand for `logging.config.fileConfig`."""
        if fname != self.config_file_name or not isinstance(disable_existing_loggers, bool):
            raise DoubtError("it configures logging by another file")
        logging_sections.check(self._parser)


class Environ(StandIn):
    """`os.environ`, of which one variable is known."""

    knows = frozenset({"get"})

    def __init__(self, url: Callable[[], str]) -> None:
        """Have the target's URL."""
        self._url = url

    def get(self, key: str, default: object = None) -> str:  # noqa: ARG002 - it is not needed
        """Give the variable."""
        return self[key]

    def __getitem__(self, key: object) -> str:
        """Give the variable."""
        if key != VARIABLE:
            raise DoubtError(f"it reads the variable {key}")
        return self._url()


class Context(StandIn):
    """`alembic.context`, while a database is migrated."""

    knows = frozenset("begin_transaction config configure is_offline_mode run_migrations".split())

    def __init__(self, config: Config) -> None:
        """Be configured later."""
        self.config = config
        self.table: VersionTable | None = None
        self.migrated = self._begun = False
        self._connection = Connection()

    def is_offline_mode(self) -> bool:
        """Say that there is a database."""
        return False

    def configure(
        self,
        *,
        connection: object,
        target_metadata: object = None,
        version_table: str = "alembic_version",
        version_table_schema: str | None = None,
        **options: object,
    ) -> None:
        """Learn of the version table; what else is known makes no difference."""
        if self.table or not isinstance(connection, Connection):
            raise DoubtError("it configures Alembic twice, or without a connection")
        if target_metadata is not None and not isinstance(target_metadata, Metadata):
            raise DoubtError("nobody knows what its target_metadata is")
        for name in (version_table, version_table_schema or version_table):
            if not _NAME.fullmatch(name):
                raise DoubtError(f"{name} is not the plain name of a table or schema")
        for name, value in options.items():
            _check_option(name, value)
        self.table = VersionTable(version_table_schema, version_table)
        self._connection = connection

    def begin_transaction(self) -> Block:
        """Give a block, once, before anything is migrated."""
        if not self.table or self._begun or self.migrated:
            raise DoubtError("it begins a transaction out of order")
        self._begun = True
        return Block()

    def run_migrations(self, **arguments: object) -> None:  # noqa: ARG002 - the revisions' own
        """Note that the database is migrated, once."""
        if self.migrated or not self._connection.entered:
            raise DoubtError("it migrates out of order, or twice")
        self.migrated = True


def _check_option(name: str, value: object) -> None:
    known_flag = name in _FLAGS and isinstance(value, bool)
    if not known_flag and not (name in _FUNCTIONS and isinstance(value, Function)):
        raise DoubtError(f"nobody knows what {name} does in configure")
