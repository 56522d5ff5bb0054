"""Parse a database address, in every form in use.

libpq itself reads the address (`PQconninfoParse`), so hosts, ports, IPv6, socket directories
and parameters mean what they mean to `psql`. Before that, what libpq does not know is taken
off: SQLAlchemy's driver name, a driver's own parameters, characters that nobody encoded.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote, urlencode

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FROM_VARIABLES = {
    "PGHOST": "host",
    "PGHOSTADDR": "hostaddr",
    "PGPORT": "port",
    "PGUSER": "user",
    "PGPASSWORD": "password",
    "PGDATABASE": "dbname",
    "PGSERVICE": "service",
}
"""libpq's variables that say where a database is, and what each is called in an address."""
_QUERY = re.compile(r"\?(?=[A-Za-z_.]+=|$)")
_NAMES_A_SERVER = ("PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE")
_KEYWORDS = (
    "application_name",
    "channel_binding",
    "connect_timeout",
    "options",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
)
_LIBPQ_DRIVERS = ("psycopg2", "psycopg", "psycopg2cffi", "psycopg_async")


NOWHERE = "postgresql:///?host=/nonexistent"
"""What stands for a target where none is needed."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the database is, in libpq's keywords."""

    parameters: Mapping[str, str] = field(repr=False)
    source: str
    driver: str | None = None
    driver_parameters: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def password(self) -> str | None:
        """The password, or None where libpq will find it elsewhere or none is needed."""
        return self.parameters.get("password")

    def __str__(self) -> str:
        """`user@host:port/database`, never the password."""
        user = self.parameters.get("user")
        host = ",".join(_bracket(h) + (f":{p}" if p else "") for h, p in self.hosts())
        host = host or "local socket"
        name = self.parameters.get("dbname") or user or ""
        return f"{user}@{host}/{name}" if user else f"{host}/{name}"

    def hosts(self) -> list[tuple[str, str]]:
        """Give (host, port) of each server named; the port is empty where it is the default."""
        hosts = (self.parameters.get("host") or self.parameters.get("hostaddr") or "").split(",")
        ports = self.parameters.get("port", "").split(",")
        ports = ports * len(hosts) if len(ports) == 1 else ports
        return [(h, p) for h, p in zip(hosts, ports, strict=False) if h]

    def url(self, driver: str) -> str:
        """Give the SQLAlchemy URL of this database for a driver, the password in it."""
        user, password = (quote(self.parameters.get(k, ""), safe="") for k in ("user", "password"))
        login = f"{user}:{password}@" if password else f"{user}@" if user else ""
        place, query = self._place_for_sqlalchemy()
        query += self._parameters_for(driver)
        tail = f"?{urlencode(query, quote_via=quote)}" if query else ""
        return f"postgresql+{driver}://{login}{place}/{self.parameters.get('dbname', '')}{tail}"

    def _place_for_sqlalchemy(self) -> tuple[str, list[tuple[str, str]]]:
        hosts = self.hosts()
        if len(hosts) == 1 and not hosts[0][0].startswith("/"):
            host, port = hosts[0]
            return _bracket(host) + (f":{port}" if port else ""), []
        if len(hosts) == 1:
            host, port = hosts[0]
            return "", [("host", host), *([("port", port)] if port else [])]
        return "", [("host", f"{host}:{port}" if port else host) for host, port in hosts]

    def _parameters_for(self, driver: str) -> list[tuple[str, str]]:
        placed = {"user", "password", "host", "port", "dbname"}
        own = list(self.driver_parameters) if driver == self.driver else []
        if driver in _LIBPQ_DRIVERS:
            return own + [(k, v) for k, v in self.parameters.items() if k not in placed]
        mode = self.parameters.get("sslmode")
        if driver == "asyncpg" and mode and "ssl" not in dict(own):
            own.append(("ssl", mode))
        return own


def parse(url: str, source: str) -> Address:
    """Read a URL (or libpq's `key=value` form) into an address.

    Raises `ValueError` with a sentence that holds no secret.
    """
    if "://" not in url:
        return Address(MappingProxyType(_read(url)), source)
    scheme, _, rest = url.strip().partition("://")
    dialect, _, driver = scheme.partition("+")
    if dialect not in {"postgres", "postgresql"}:
        message = f"{scheme}:// is not an address of Postgres: it starts with postgresql://"
        raise ValueError(message)
    place, query = _split(rest)
    known = [(k, v) for k, v in query if _libpq_knows(k)]
    own = tuple((k, v) for k, v in query if not _libpq_knows(k))
    if driver in {"", *_LIBPQ_DRIVERS}:
        _refuse_misspelt(k for k, _ in own)
    parameters = _read(f"postgresql://{place}?{urlencode(known, quote_via=quote)}")
    modes = [v for k, v in own if k == "ssl"]
    if modes and "sslmode" not in parameters:
        parameters["sslmode"] = {"true": "require", "false": "disable"}.get(modes[0], modes[0])
    return Address(MappingProxyType(parameters), source, driver or None, own)


def from_variables(environ: Mapping[str, str]) -> Address | None:
    """Give the address in `PGHOST` and its kin, or None where they name no server."""
    if not any(environ.get(name) for name in _NAMES_A_SERVER):
        return None
    found = {key: environ[name] for name, key in FROM_VARIABLES.items() if environ.get(name)}
    return Address(MappingProxyType(found), "PGHOST")


def with_application_name(address: Address, name: str) -> Address:
    """Give the same address under an application name, unless it has one of its own."""
    parameters = {"application_name": name, **address.parameters}
    return replace(address, parameters=MappingProxyType(parameters))


def to_database(address: Address, database: str, application_name: str | None = None) -> Address:
    """Give the address of another database of the same server, for sessions of this name if any."""
    other = {"dbname": database}
    if application_name:
        other["application_name"] = application_name
    return replace(address, parameters=MappingProxyType({**address.parameters, **other}))


def _split(rest: str) -> tuple[str, list[tuple[str, str]]]:
    """Give the place with its login encoded, and the query.

    A password may hold `@`, `:`, `/`, `?` or `%` that nobody encoded: the query begins at the
    first `?` before a keyword, the login ends at the last `@` before that, and its password
    begins at the first colon.
    """
    begins = _QUERY.search(rest)
    before, query = (rest[: begins.start()], rest[begins.end() :]) if begins else (rest, "")
    login, at, place = before.rpartition("@")
    user, colon, password = login.partition(":")
    login = _encode(user) + colon + _encode(password)
    return login + at + place, parse_qsl(query, keep_blank_values=True)


def _encode(value: str) -> str:
    return quote(unquote(value), safe="")


def _bracket(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _close(keyword: str) -> list[str]:
    from difflib import get_close_matches  # noqa: PLC0415 - for a parameter that is unknown only

    return get_close_matches(keyword, _KEYWORDS, n=1, cutoff=0.8)


def _refuse_misspelt(keywords: Iterable[str]) -> None:
    """Refuse `sslmod=require`; pass over `schema=public`, which other tools put there."""
    for keyword in keywords:
        if meant := _close(keyword):
            message = f"{keyword!r} is not a parameter of Postgres: did you mean {meant[0]!r}?"
            raise ValueError(message)


def _read(text: str) -> dict[str, str]:
    import psycopg2  # noqa: PLC0415 - only where an address is read
    from psycopg2.extensions import parse_dsn  # noqa: PLC0415

    try:
        return dict(parse_dsn(text))
    except psycopg2.ProgrammingError:
        message = "libpq cannot read it: it is written like postgresql://user@host:5432/database"
        raise ValueError(message) from None


@cache
def _libpq_knows(keyword: str) -> bool:
    try:
        _read(f"postgresql://?{quote(keyword)}=1")
    except ValueError:
        return False
    return True
