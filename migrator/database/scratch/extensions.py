"""List the extensions of one database, and create them in another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2
from psycopg2 import sql

from migrator.database.connection import fetch, spoken
from migrator.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg2.extensions import connection as Connection

_INSTALLED = """
SELECT extname, nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE extname <> 'plpgsql' ORDER BY e.oid
"""


def extensions(connection: Connection) -> dict[str, str]:
    """Give the schema of each extension but plpgsql, in the order in which they were made."""
    return {str(name): str(schema) for name, schema in fetch(connection, _INSTALLED)}


def make(connection: Connection, wanted: Mapping[str, str]) -> None:
    """Make extensions in their schemas, and the schemas too where they are missing.

    Raises `DeniedError` where the role may not, `ConfigurationError` where it cannot be.
    """
    for name, schema in wanted.items():
        statement = sql.SQL(
            "CREATE SCHEMA IF NOT EXISTS {schema}; CREATE EXTENSION {name} SCHEMA {schema}"
        ).format(name=sql.Identifier(name), schema=sql.Identifier(schema))
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement)
        except psycopg2.errors.InsufficientPrivilege:
            with spoken():
                raise
        except psycopg2.Error as error:
            told = (error.diag.message_primary or str(error)).strip().rstrip(".")
            message = f"The extension {name} cannot be made in a new database: {told}."
            raise ConfigurationError(message, sqlstate=error.pgcode) from None
