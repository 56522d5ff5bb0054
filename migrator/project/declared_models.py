"""Find the tables that Python files define, without importing them.

A name is followed through imports, and through the text of modules that are not loaded, to an
object of one that is. What that object is, it says itself: a base, a registry, a MetaData.
"""

from __future__ import annotations

import ast
import re
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_DEEPEST = 20
"""So many steps from a name to what it means; imports may run in a circle."""
_WORDS = (b"__tablename__", b"Table(", b"olumn(", b"Mapped[", b"Field(")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


@dataclass(frozen=True, slots=True)
class Base:
    """What a class is derived from, as far as it decides whether the class has a table."""

    named: bool = False
    """Whether a class has a table of its own accord, named after it."""
    by_keyword: bool = False
    """Whether only `table=True` makes one, as with SQLModel."""


@dataclass
class Module:
    """A file that is not loaded."""

    name: str
    path: Path

    @cached_property
    def text(self) -> bytes:
        """What is in it; nothing where it cannot be read."""
        try:
            return self.path.read_bytes()
        except OSError:
            return b""

    @cached_property
    def tree(self) -> ast.Module:
        """What it says; nothing where that is no Python."""
        try:
            return ast.parse(self.text)
        except (SyntaxError, ValueError):
            return ast.Module([], [])

    @property
    def may_define(self) -> bool:
        """Whether it is worth reading: it has a word that every table needs."""
        return any(word in self.text for word in _WORDS)

    @cached_property
    def package(self) -> list[str]:
        """What its relative imports start from."""
        parts = self.name.split(".")
        return parts if self.path.name == "__init__.py" else parts[:-1]

    @cached_property
    def classes(self) -> dict[str, ast.ClassDef]:
        """Its classes, outside of functions."""
        return {n.name: n for n in outside_functions(self.tree) if isinstance(n, ast.ClassDef)}

    @cached_property
    def names(self) -> dict[str, list[str] | ast.expr]:
        """What its other names stand for: a dotted path from the top, or an expression."""
        found: dict[str, list[str] | ast.expr] = {}
        for node in outside_functions(self.tree):
            if isinstance(node, ast.Import):
                found |= dict(map(_imported, node.names))
            elif isinstance(node, ast.ImportFrom):
                origin = self.origin(node)
                found |= {each.asname or each.name: [*origin, each.name] for each in node.names}
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                found[node.targets[0].id] = node.value
        return found

    @cached_property
    def stars(self) -> list[list[str]]:
        """The modules of which it imports everything."""
        nodes = (node for node in outside_functions(self.tree) if isinstance(node, ast.ImportFrom))
        return [self.origin(node) for node in nodes if node.names[0].name == "*"]

    def origin(self, node: ast.ImportFrom) -> list[str]:
        """Give the module that something is imported from."""
        beneath = node.module.split(".") if node.module else []
        up = len(self.package) - node.level + 1
        return [*self.package[:up], *beneath] if node.level else beneath


def _imported(alias: ast.alias) -> tuple[str, list[str]]:
    path = alias.name.split(".")
    return (alias.asname, path) if alias.asname else (path[0], path[:1])


def outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """Give what is run when a module is loaded."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _FUNCTIONS):
            yield child
            yield from outside_functions(child)


@dataclass
class Declarations:
    """The tables of modules that are not loaded, on one of these MetaData."""

    metadata: tuple[Any, ...]
    modules: Mapping[str, Module]
    loaded: Mapping[str, Any] = field(default_factory=lambda: dict(sys.modules))

    def tables(self, module: Module) -> Iterator[str]:
        """Give the tables of a module, by their names as far as its text has them."""
        for node in outside_functions(module.tree):
            if isinstance(node, ast.ClassDef):
                yield from filter(None, (self._of_class(module, node),))
            elif isinstance(node, ast.Call):
                yield from filter(None, (self._of_call(module, node),))

    def _of_class(self, module: Module, node: ast.ClassDef) -> str | None:
        body = _assigned(node)
        if "__bind_key__" in body or "__table__" in body or _is_true(body.get("__abstract__")):
            return None
        name = _literal(body.get("__tablename__")) or node.name
        if self._is_mapped_by_registry(module, node):
            return name if "__tablename__" in body else None
        base = self._base(module, node.bases)
        if base is None:
            return None
        if base.by_keyword:
            asked = any(k.arg == "table" and _is_true(k.value) for k in node.keywords)
            return (_literal(body.get("__tablename__")) or node.name.lower()) if asked else None
        if "__tablename__" in body:
            return name
        return _WORD.sub("_", node.name).lower() if base.named else None

    def _of_call(self, module: Module, node: ast.Call) -> str | None:
        path = _dotted(node.func)
        name = _literal(node.args[0]) if node.args else None
        if not path or path[-1] != "Table" or name is None:
            return None
        if len(path) > 1 and self._has_metadata(self._object(module, path[:-1])):
            return name  # Flask-SQLAlchemy: db.Table
        second = node.args[1] if len(node.args) > 1 else None
        where = self._object(module, _dotted(second)) if second is not None else None
        return name if any(where is each for each in self.metadata) else None

    def _is_mapped_by_registry(self, module: Module, node: ast.ClassDef) -> bool:
        for each in node.decorator_list:
            path = _dotted(each.func if isinstance(each, ast.Call) else each)
            if path and path[-1].startswith("mapped"):
                return self._has_metadata(self._object(module, path[:-1]))
        return False

    def _base(self, module: Module, bases: Iterable[ast.expr]) -> Base | None:
        for each in bases:
            found = self._object(module, _dotted(each))
            if isinstance(found, Base):
                return found
            if isinstance(found, type) and self._has_metadata(found):
                return _base_of(found)
        return None

    def _has_metadata(self, thing: Any) -> bool:  # noqa: ANN401 - whatever a name stands for
        if thing is None:
            return False
        own = _attribute(thing, "metadata")
        return any(own is each for each in self.metadata)

    def _object(self, module: Module, path: list[str] | None, depth: int = 0) -> Any:  # noqa: ANN401
        """Give what a dotted name stands for in a module: an object, a `Base`, or None."""
        if not path or depth > _DEEPEST:
            return None
        head, *rest = path
        if node := module.classes.get(head):
            return None if rest else self._derived(module, node)
        found = module.names.get(head)
        if isinstance(found, ast.expr):
            beyond = _dotted(found)
            return self._object(module, [*beyond, *rest], depth + 1) if beyond else None
        for origin in [found] if found else [[*star, head] for star in module.stars]:
            if (thing := self._at([*origin, *rest], depth + 1)) is not None:
                return thing
        return None

    def _derived(self, module: Module, node: ast.ClassDef) -> Base | None:
        base = self._base(module, [each for each in node.bases if _dotted(each) != [node.name]])
        if base is None:
            return None
        body = _assigned(node)
        named = (base.named or "__tablename__" in _functions(node)) and (
            _is_true(body.get("__abstract__")) or "__tablename__" not in body
        )
        return Base(named=named, by_keyword=base.by_keyword)

    def _at(self, path: list[str], depth: int) -> Any:  # noqa: ANN401 - as above
        """Give what is at a path from the top: of a module that is loaded, or of a text."""
        for length in range(len(path) - 1, 0, -1):
            name, rest = ".".join(path[:length]), path[length:]
            if name in self.loaded:
                return _reached(vars(self.loaded[name]).get(rest[0]), rest[1:])
            if name in self.modules:
                return self._object(self.modules[name], rest, depth)
        return None


def _reached(thing: Any, rest: list[str]) -> Any:  # noqa: ANN401 - as above
    for each in rest:
        thing = _attribute(thing, each)
    return thing


def _attribute(thing: Any, name: str) -> Any:  # noqa: ANN401 - as above
    with suppress(Exception):  # a proxy of Flask's, outside of its context
        return getattr(thing, name, None)
    return None


def _base_of(cls: type) -> Base | None:
    """Say of a class with the right metadata what those derived from it are."""
    lineage = cls.__mro__
    if any(each.__name__ == "SQLModel" for each in lineage):
        return Base(by_keyword=True)
    flask = any(each.__module__.startswith("flask_sqlalchemy") for each in lineage)
    declared = any("__tablename__" in vars(each) for each in lineage)
    return Base(named=(flask or declared) and not hasattr(cls, "__table__"))


def _assigned(node: ast.ClassDef) -> dict[str, ast.expr | None]:
    """Give what is assigned in the body of a class."""
    found: dict[str, ast.expr | None] = {}
    for each in node.body:
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name):
            found[each.targets[0].id] = each.value
        elif isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
            found[each.target.id] = each.value
    return found


def _functions(node: ast.ClassDef) -> set[str]:
    return {each.name for each in node.body if isinstance(each, ast.FunctionDef)}


def _dotted(node: ast.expr | None) -> list[str] | None:
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)):
        return [*before, node.attr]
    return None


def _literal(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True
