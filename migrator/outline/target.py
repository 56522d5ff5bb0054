"""Whether an engine that is made for a URL surely reaches the target, and by which driver.

The target itself was reached by psycopg2. A URL is known here where SQLAlchemy and libpq read
it alike, where it says what the address says, and where its driver is installed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from migrator.handover import bare_driver
from migrator.outline import installed
from migrator.outline.doubt import DoubtError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrator.settings.address import Address

_URL = re.compile(
    r"postgresql(?:\+(?P<driver>\w+))?://(?:(?P<user>[\w.~%-]+)(?::(?P<password>[\w.~%-]+))?@)?"
    r"(?:(?P<host>[\w.-]+)(?::(?P<port>\d+))?)?/(?P<dbname>[\w.-]*)(?:\?(?P<query>[\w.~%/=&-]+))?",
    re.ASCII,
)
_PARTS = ("user", "password", "host", "port", "dbname")
_SYNCHRONOUS, _ASYNCHRONOUS = ("psycopg2", "psycopg"), ("asyncpg", "psycopg")
_NEEDS = {"psycopg2": (), "psycopg": ("psycopg", "psycopg_binary"), "asyncpg": ("asyncpg",)}
_TLS = ("allow", "disable", "prefer", "require")


def check(url: str, address: Address, environ: Mapping[str, str], *, asynchronous: bool) -> None:
    """See that an engine for this URL reaches the target.

    Raises `DoubtError` where it may not.
    """
    if address.driver_parameters:
        raise DoubtError("the address has parameters of a driver")
    driver, said = _read(url)
    driver = driver or bare_driver(installed.version("sqlalchemy"))
    _check_driver(driver, asynchronous=asynchronous)
    meant = _without_name(address.parameters)
    if driver == "asyncpg":
        meant = _as_asyncpg_is_told(meant, environ)
    if _without_name(said) != meant:
        raise DoubtError("env.py connects with another URL than the target's")


def _read(url: str) -> tuple[str | None, dict[str, str]]:
    """Give the driver and the parameters of a URL that has but one reading."""
    found = _URL.fullmatch(url)
    if not found:
        raise DoubtError("env.py connects with a URL of an unknown form")
    query = [pair.partition("=") for pair in (found["query"] or "").split("&") if pair]
    said = {part: unquote(found[part]) for part in _PARTS if found[part]}
    said |= {unquote(name): unquote(value) for name, _, value in query}
    placed = sum(bool(found[part]) for part in _PARTS)
    if len(said) < placed + len(query) or ("port" in said and not found["port"]):
        raise DoubtError("env.py connects with a URL that says something twice")
    if not found["host"] and not said.get("host", "/").startswith("/"):
        raise DoubtError("env.py connects with a URL of several hosts")
    return found["driver"], said


def _check_driver(driver: str, *, asynchronous: bool) -> None:
    """See that SQLAlchemy can use a driver in this way."""
    if driver not in (_ASYNCHRONOUS if asynchronous else _SYNCHRONOUS):
        raise DoubtError(f"SQLAlchemy cannot use {driver} in this way")
    needs = (*_NEEDS[driver], *(("greenlet",) if asynchronous else ()))
    if needs and installed.version("sqlalchemy") < (2, 0):
        raise DoubtError(f"SQLAlchemy before 2.0 may not know {driver}")
    for package in needs:
        if not installed.has(package):
            raise DoubtError(f"{package} is not installed")


def _as_asyncpg_is_told(meant: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Give the parameters as `Address.url` writes them for asyncpg, which reads fewer."""
    told = {name: value for name, value in meant.items() if name != "connect_timeout"}
    if mode := told.pop("sslmode", None):
        told["ssl"] = mode
    own = {name for name in environ if name.startswith("PG")} - {"PGAPPNAME"}
    if own or {*told} - {*_PARTS, "ssl"} or told.get("ssl", "prefer") not in _TLS:
        raise DoubtError("asyncpg may read the address in another way than libpq")
    if "user" not in told or "dbname" not in told:
        raise DoubtError("asyncpg may take another user or database than libpq")
    return told


def _without_name(parameters: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if name != "application_name"}
