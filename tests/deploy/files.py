"""Reads the files of deploy/: their keys, and the command lines and variables in them."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import yaml

from migrator.cli.main import commands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def every_file() -> list[str]:
    """Give the path of every file in deploy/, from there."""
    found = (path for path in DEPLOY.rglob("*") if path.is_file())
    return sorted(str(path.relative_to(DEPLOY)) for path in found)


def text(name: str) -> str:
    """Give a file as it stands."""
    return (DEPLOY / name).read_text(encoding="utf-8")


def procfile(written: str) -> dict[str, str]:
    """Give the command of each process type."""
    lines = [line.partition(": ") for line in written.splitlines()]
    assert all(colon for _, colon, _ in lines), f"a line is no 'type: command': {written}"
    return {kind: command for kind, _, command in lines}


_READERS: dict[str, Callable[[str], Any]] = {
    ".json": json.loads,
    ".toml": tomllib.loads,
    ".yaml": yaml.safe_load,
    "Procfile": procfile,
}


def content(name: str) -> Any:  # noqa: ANN401 - whatever the file holds
    """Give what a file holds."""
    path = DEPLOY / name
    return _READERS[path.suffix or path.name](text(name))


def key_paths(value: object, above: str = "") -> Iterator[str]:
    """Give each key with the keys above it; `[]` stands for any item of a list."""
    if isinstance(value, dict):
        for key, below in value.items():
            path = f"{above}.{key}" if above else str(key)
            yield path
            yield from key_paths(below, path)
    elif isinstance(value, list):
        for item in value:
            yield from key_paths(item, f"{above}[]")


def command_lines(value: object) -> Iterator[list[str]]:
    """Give each command line of migrator in what a file holds."""
    if isinstance(value, str) and re.match(r"migrator\b.* ", value):
        yield shlex.split(value)
    elif isinstance(value, list) and value and value[0] == "migrator":
        yield value
    elif isinstance(value, dict | list):
        for below in value.values() if isinstance(value, dict) else value:
            yield from command_lines(below)


def variables(value: object) -> Iterator[tuple[str, str]]:
    """Give each variable of migrator in what a file holds, in whatever way it is written."""
    if isinstance(value, dict):
        name = value.get("name") or value.get("key")
        if "value" in value and str(name).startswith("MIGRATOR_"):
            yield str(name), value["value"]
        for key, below in value.items():
            if key.startswith("MIGRATOR_"):
                yield key, below
            yield from variables(below)
    elif isinstance(value, list):
        for item in value:
            yield from variables(item)


def command_of(arguments: list[str]) -> str:
    """Give the command that a command line means; raises click's error where it means none."""
    context = click.Context(commands)
    name, command, rest = commands.resolve_command(context, arguments)
    assert name is not None
    assert command is not None
    command.make_context(name, list(rest), parent=context)
    return name
