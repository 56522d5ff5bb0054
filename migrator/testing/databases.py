"""Databases for tests: each at head, and the ways to reach it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator.testing.project import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

    from migrator.database.scratch.template import Template
    from migrator.settings.address import Address


@dataclass(frozen=True, slots=True)
class MigratedDatabase:
    """A database at the head of the project."""

    address: Address

    @property
    def name(self) -> str:
        """Its name on the server."""
        return self.address.parameters["dbname"]

    @property
    def url(self) -> str:
        """The URL without a driver, as libpq, psycopg and asyncpg take it."""
        return plain(self.address)

    def url_for(self, driver: str) -> str:
        """Give the URL as SQLAlchemy takes it for a driver: psycopg2, psycopg or asyncpg."""
        return self.address.url(driver)


@contextmanager
def migrated(template: Template) -> Iterator[MigratedDatabase]:
    """Give a database at head, and drop it again."""
    with template.copy() as address:
        yield MigratedDatabase(address)


@contextmanager
def engine(database: MigratedDatabase) -> Iterator[Engine]:
    """Give an engine for it, whose connections are closed at the end."""
    from sqlalchemy import create_engine  # noqa: PLC0415 - for those who want one

    made = create_engine(database.url_for("psycopg2"))
    try:
        yield made
    finally:
        made.dispose()
