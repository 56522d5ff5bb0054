"""The expressions in env.py, and what they give where stand-ins are in place of libraries."""

from __future__ import annotations

import ast
from types import NoneType
from typing import TYPE_CHECKING

from migrator.outline.context import Environ
from migrator.outline.doubt import DoubtError
from migrator.outline.libraries import Imported
from migrator.outline.stand_ins import Pending, StandIn
from migrator.outline.statements import Statements, literal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_PLAIN = (bool, str, NoneType)
_METHODS: dict[type, tuple[str, ...]] = {str: ("replace",), dict: ("get",)}


class Expressions(Statements):
    """Follows statements in which values are computed."""

    def __init__(self, stage: Mapping[str, object]) -> None:
        """Know what stands for each thing that may be used."""
        super().__init__()
        self._stage = stage

    def named(self, name: str) -> object:
        """Give what a name is bound to; a `KeyError` where it is not."""
        return self.names[name]

    def value(self, node: ast.expr) -> object:
        """Give the value of an expression."""
        found: object = self.visit(node)
        return found

    def true(self, node: ast.expr) -> bool:
        """Tell whether a value counts as true."""
        return bool(self._plain(node))

    def _plain(self, node: ast.expr) -> object:
        """Give a value of which it is known whether it counts as true."""
        found = self.value(node)
        if not isinstance(found, (*_PLAIN, dict)):
            self.generic_visit(node)
        return found

    def visit_Constant(self, node: ast.expr) -> object:
        """Give a literal."""
        return literal(node)

    visit_Dict = visit_List = visit_Tuple = visit_Constant

    def visit_Name(self, node: ast.Name) -> object:
        """Give what the name is bound to, or what stands there for it."""
        found = self.named(node.id)
        return self._stage.get(found.dotted, found) if isinstance(found, Imported) else found

    def visit_Attribute(self, node: ast.Attribute) -> object:
        """Give an attribute that is known."""
        owner = self.value(node.value)
        if isinstance(owner, Imported):
            dotted = f"{owner.dotted}.{node.attr}"
            if dotted in self._stage:
                return self._stage[dotted]
        elif node.attr in _known_of(owner):
            return getattr(owner, node.attr)
        raise DoubtError(f"line {node.lineno}: nobody knows {node.attr} there")

    def visit_Subscript(self, node: ast.Subscript) -> object:
        """Give a variable, or an option of a section."""
        container, key = self.value(node.value), self.value(node.slice)
        if not isinstance(container, dict | Environ):
            self.generic_visit(node)
        return container[key]

    def visit_Call(self, node: ast.Call) -> object:
        """Give what a call gives."""
        function = self.value(node.func)
        if not callable(function) or any(keyword.arg is None for keyword in node.keywords):
            self.generic_visit(node)
        arguments = [self.value(argument) for argument in node.args]
        named = {each.arg: self.value(each.value) for each in node.keywords if each.arg}
        return function(*arguments, **named)

    def visit_Await(self, node: ast.Await) -> object:
        """Give what comes of waiting."""
        pending = self.value(node.value)
        if not isinstance(pending, Pending):
            self.generic_visit(node)
        return pending.done()

    def visit_Compare(self, node: ast.Compare) -> bool:
        """Compare with None, or two plain values."""
        match node:
            case ast.Compare(left, [ast.Is() | ast.IsNot() as sign], [ast.Constant(None)]):
                found = self.value(left)
                if isinstance(found, Imported):
                    self.generic_visit(node)
                return (found is None) is isinstance(sign, ast.Is)
            case ast.Compare(left, [ast.Eq() | ast.NotEq() as sign], [right]):
                one, other = self.value(left), self.value(right)
                if isinstance(one, _PLAIN) and isinstance(other, _PLAIN):
                    return (one == other) is isinstance(sign, ast.Eq)
        return self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> object:
        """Give the first value that decides."""
        *earlier, last = node.values
        for value in earlier:
            found = self._plain(value)
            if bool(found) is isinstance(node.op, ast.Or):
                return found
        return self.value(last)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> object:
        """Give the opposite, or a negative number."""
        return not self.true(node.operand) if isinstance(node.op, ast.Not) else literal(node)


def _known_of(owner: object) -> Collection[str]:
    """Give the names by which something may be used."""
    return owner.knows if isinstance(owner, StandIn) else _METHODS.get(type(owner), ())
