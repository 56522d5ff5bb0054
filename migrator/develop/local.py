"""Tell whether a database is local, and whether this machine is production."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from migrator.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from migrator.settings.address import Address

_HOSTED = (
    "KUBERNETES_SERVICE_HOST",
    "RENDER",
    "FLY_APP_NAME",
    "DYNO",
    "ECS_CONTAINER_METADATA_URI_V4",
)
"""Set by Kubernetes, Render, Fly, Heroku and ECS in whatever they run, and nowhere else."""
_STAGES = (
    *("RAILWAY_ENVIRONMENT_NAME", "VERCEL_ENV"),
    *("APP_ENV", "APP_ENVIRONMENT", "DEPLOY_ENV", "ENV", "ENVIRONMENT", "PYTHON_ENV", "STAGE"),
    *("DJANGO_ENV", "FASTAPI_ENV", "FLASK_ENV", "NODE_ENV"),
)
"""By which platforms, frameworks and habits name the stage."""
_PRODUCTION = ("prod", "production")


def see_that_it_is_local(
    address: Address, environ: Mapping[str, str], what: str, named: Collection[str] = ()
) -> None:
    """See that a developer's command, `what`, may work on this database.

    It may on this machine's, and on that of another host which was `named` exactly. Raises
    `UsageError` for any other, and in production for every one.
    """
    if sign := production(environ):
        message = f"{what} is off in production, and {sign} says that this is production."
        raise UsageError(message, hint="Nothing overrides it. Nothing was touched.")
    strangers = [host for host in hosts(address, environ) if not (_local(host) or host in named)]
    if strangers:
        flags = " ".join(f"--not-local {host}" for host in dict.fromkeys(strangers))
        message = f"{what} is for a local database, and {strangers[0]} is another machine."
        raise UsageError(message, hint=f"If it is meant: {flags}. Nothing was touched.")


def production(environ: Mapping[str, str]) -> str | None:
    """Give the variable by which this is production, as it stands there; None where none says so.

    `migrator` has no setting that would say otherwise.
    """
    for name in _HOSTED:
        if environ.get(name):
            return name
    for name in _STAGES:
        if (said := environ.get(name, "")).strip().lower() in _PRODUCTION:
            return f"{name}={said}"
    return None


def hosts(address: Address, environ: Mapping[str, str]) -> tuple[str, ...]:
    """Give where libpq would go, in order; an empty one is the socket that it looks for itself.

    `hostaddr` is where it goes whatever `host` says, variables fill in for both, and a service
    stands for the hosts that its file may name (PostgreSQL, "Parameter Key Words").
    """
    given = address.parameters
    if found := given.get("hostaddr"):
        return _each(found)
    if service := given.get("service") or environ.get("PGSERVICE"):
        return (service,)
    return _each(environ.get("PGHOSTADDR") or given.get("host") or environ.get("PGHOST") or "")


def _each(text: str) -> tuple[str, ...]:
    return tuple(host.strip() for host in text.split(","))


def _local(host: str) -> bool:
    """Tell whether a host is this machine: a Unix socket, or an address that loops back."""
    if not host or host.startswith(("/", "@")):
        return True
    if host.lower() == "localhost":
        return True
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback
