"""The ini file's sections about logging, from which `fileConfig` may fail in many ways.

Known are those of Alembic's templates, with other names, levels and formats in them. What makes
them work is in Python's `logging.config`, `fileConfig`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from migrator.outline.doubt import DoubtError

if TYPE_CHECKING:
    from configparser import ConfigParser

_LEVELS = ("CRITICAL", "DEBUG", "ERROR", "FATAL", "INFO", "NOTSET", "WARN", "WARNING")
_STREAMS = ("(sys.stderr,)", "(sys.stdout,)", "()")
_FIELD = re.compile(r"%\((\w+)\)-?\d*(?:\.\d+)?[sd]")
_FIELDS = frozenset(
    "asctime created filename funcName levelname levelno lineno message module msecs name pathname"
    " process processName thread threadName".split()
)


def check(parser: ConfigParser) -> None:
    """See that `fileConfig` can do what the file says.

    Raises `DoubtError` where it may fail.
    """
    loggers, handlers, formatters = (
        [name.strip() for name in _options(parser, kind, "keys")["keys"].split(",")]
        for kind in ("loggers", "handlers", "formatters")
    )
    for name in formatters:
        said = _options(parser, f"formatter_{name}", "format", "datefmt", raw=True)
        fields = {*_FIELD.findall(said["format"])}
        _expect(fields and fields <= _FIELDS, "the fields of a format")
        _expect("%" not in _FIELD.sub("", said["format"]), "a format")
    for name in handlers:
        said = _options(parser, f"handler_{name}", "class", "args", "level", "formatter")
        _expect(said["class"] == "StreamHandler", "a handler")
        _expect(said.get("args", "()") in _STREAMS, "a handler's arguments")
        _expect(said.get("level", "NOTSET") in _LEVELS, "a level")
        _expect(said.get("formatter", formatters[0]) in formatters, "a formatter")
    _expect(loggers.count("root") == 1, "the loggers without root")
    for name in loggers:
        said = _options(parser, f"logger_{name}", "level", "handlers", "qualname", "propagate")
        used = [one.strip() for one in said["handlers"].split(",")] if said["handlers"] else []
        _expect({*used} <= {*handlers}, "handlers")
        _expect(said.get("level", "NOTSET") in _LEVELS, "a level")
        _expect(said.get("propagate", "1") in {"0", "1"}, "propagate")
        _expect(name == "root" or said["qualname"], "a logger without a name")


def _options(parser: ConfigParser, section: str, *known: str, raw: bool = False) -> dict[str, str]:
    """Give a section's options; what is not there may be a `KeyError`."""
    found = dict(parser.items(section, raw=True))
    found.pop("here")  # it has a value for us, and none for fileConfig
    _expect({*found} <= {*known}, f"more in [{section}] than {', '.join(known)}")
    _expect(raw or not any("%" in value for value in found.values()), f"a % in [{section}]")
    return found


def _expect(condition: object, what: str) -> None:
    if not condition:
        raise DoubtError(f"nobody knows what fileConfig does with {what} here")
