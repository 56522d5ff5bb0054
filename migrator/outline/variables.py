"""The environment, as far as the project's code may depend on it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_PASSING = re.compile(
    r"HOSTNAME|PWD|OLDPWD|SHLVL|_|TERM|COLUMNS|LINES|INVOCATION_ID|JOURNAL_STREAM"
    r"|POD_(NAME|IP|UID)|NODE_NAME|KUBERNETES_\w+|\w+_SERVICE_(HOST|PORT\w*)|\w+_PORT(_\d+_\w+)?"
    r"|RAILWAY_(DEPLOYMENT|REPLICA|SNAPSHOT)\w*|FLY_(MACHINE|ALLOC)\w*|ECS_\w+"
    r"|MIGRATOR_(LOG_\w+|REPORT|DEADLINE|\w+_(TIMEOUT|WAIT))"
)
"""What differs from one start to the next, whatever is deployed."""


def lasting(environ: Mapping[str, str]) -> bytes:
    """Give the variables, with their values, that stay the same from one start to the next."""
    return _written({k: v for k, v in environ.items() if not _PASSING.fullmatch(k)})


def named(source: bytes, environ: Mapping[str, str]) -> bytes:
    """Give the others as far as a source names them."""
    passing = {k: v for k, v in environ.items() if _PASSING.fullmatch(k) and k != "_"}
    return _written({k: v for k, v in passing.items() if k.encode() in source})


def _written(variables: Mapping[str, str]) -> bytes:
    return repr(sorted(variables.items())).encode()
