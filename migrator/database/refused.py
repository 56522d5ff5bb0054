"""Classify refused connections: why, and whether to try again.

libpq gives no SQLSTATE for a failed connection (psycopg2 leaves `pgcode` empty), so this is
the one place that reads messages: libpq's own, Postgres's and PgBouncer's. What is not
recognised is tried again until the deadline, and then reported as it stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator.errors import ConfigurationError, DeniedError, MigratorError, NoDatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrator.settings.address import Address


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal that is final: how it reads, and what we make of it."""

    pattern: str
    error: Callable[..., MigratorError]
    sentence: str
    hint: str


FINAL = (
    Refusal(
        r"password authentication failed|no password supplied|auth(entication)? failed|SASL",
        DeniedError,
        "the server refused the password",
        "Check the password in {source}; @ : / % may be written as %40 %3A %2F %25 there.",
    ),
    Refusal(
        r'role ".*" does not exist|no such user|is not permitted to log in',
        DeniedError,
        "the server has no such role, or it may not log in",
        "Check the user in {source}.",
    ),
    Refusal(
        r"no pg_hba\.conf entry|pg_hba\.conf rejects",
        DeniedError,
        "the server admits no such connection",
        "Try sslmode=require, or let pg_hba.conf admit this host, role and database.",
    ),
    Refusal(
        r"permission denied for database",
        DeniedError,
        "the role may not connect to this database",
        "GRANT CONNECT ON DATABASE … TO the role.",
    ),
    Refusal(
        r'database ".*" does not exist|no such database',
        NoDatabaseError,
        "there is no such database on the server",
        "Check the database's name in {source}, or create it first.",
    ),
    Refusal(
        r"server does not support SSL|SSL is not enabled|server does not support TLS",
        ConfigurationError,
        "the address requires TLS, and the server does not offer it",
        "Set sslmode=prefer if the network is private, or switch TLS on in the server.",
    ),
    Refusal(
        r"invalid (\w+ value|connection option|port number|integer value)"
        r"|could not match \d+ (port numbers|host names)",
        ConfigurationError,
        "a parameter of the address is wrong",
        "Check the parameters in {source}.",
    ),
    Refusal(
        r"certificate|SSL error|sslrootcert|tlsv1 alert",
        ConfigurationError,
        "the TLS connection could not be made as the address asks",
        "A self-signed certificate needs sslmode=require, not verify-full; else set sslrootcert.",
    ),
    Refusal(
        r"unsupported startup parameter|unrecognized configuration parameter",
        ConfigurationError,
        "a parameter of the address is not accepted",
        "Behind PgBouncer, leave out `options`: it goes with a direct connection only.",
    ),
)


def final(message: str, address: Address) -> MigratorError | None:
    """Give the error that another try cannot mend, or None where one is worth it."""
    for refusal in FINAL:
        if re.search(refusal.pattern, message):
            return refusal.error(
                f"{address}: {refusal.sentence}: {reason(message)}.",
                hint=refusal.hint.format(source=address.source),
            )
    return None


def reason(message: str) -> str:
    """Give what the server said, without libpq's preamble and questions."""
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    said = [re.sub(r"^.*?(failed|error): +", "", s) for s in lines if not s.endswith("?")]
    told = [re.sub(r"^(FATAL|ERROR|DETAIL|HINT): +", "", s) for s in said]
    return "; ".join(dict.fromkeys(told)).rstrip(".") or "no reason given"
