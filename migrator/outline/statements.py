"""The statements of a module that do no more than give a name to something known."""

from __future__ import annotations

import ast
from typing import NoReturn

from migrator.outline.doubt import DoubtError
from migrator.outline.libraries import Imported, imported

_TYPES = frozenset(
    f"builtins.{name}" for name in "bool bytes dict float int list object str tuple".split()
)
_TAKES = {
    **dict.fromkeys(("builtins.list", "typing.List", "typing.FrozenSet", "typing.Set"), (1, 1)),
    **dict.fromkeys(("typing.Optional", "typing.Sequence", "typing.Iterable"), (1, 1)),
    **dict.fromkeys(("collections.abc.Sequence", "collections.abc.Iterable"), (1, 1)),
    **dict.fromkeys(("builtins.dict", "typing.Dict", "typing.Mapping"), (2, 2)),
    **dict.fromkeys(("builtins.tuple", "typing.Tuple", "typing.Union"), (1, 9)),
}
"""How many types stand in the brackets of another."""
_ENDLESS = ("builtins.tuple", "typing.Tuple")


class Statements(ast.NodeVisitor):
    """Follows a module's statements; one of another shape raises `DoubtError`."""

    def __init__(self) -> None:
        """Know no name yet."""
        self.names: dict[str, object] = {}

    def generic_visit(self, node: ast.AST) -> NoReturn:
        """Doubt what has no method here."""
        line = getattr(node, "lineno", 0)
        raise DoubtError(f"line {line}: nobody knows what this {type(node).__name__} does")

    def bind(self, name: str, value: object) -> None:
        """Give a name to something."""
        if name in self.names or name.startswith("__"):
            raise DoubtError(f"{name} is bound again")
        self.names[name] = value

    def value(self, node: ast.expr) -> object:
        """Give the value of an expression."""
        return literal(node)

    def visit_Module(self, node: ast.Module) -> None:
        """Follow the statements in their order."""
        for statement in node.body:
            self.visit(statement)

    def visit_Pass(self, node: ast.Pass) -> None:
        """Do nothing."""

    def visit_Expr(self, node: ast.Expr) -> None:
        """Pass over a docstring."""
        if not isinstance(node.value, ast.Constant):
            self.generic_visit(node)

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Bind what is surely there."""
        for name, what in imported(node):
            if self.names.get(name) != what:
                self.bind(name, what)

    visit_ImportFrom = visit_Import

    def visit_Assign(self, node: ast.Assign) -> None:
        """Bind one name to a value."""
        match node.targets:
            case [ast.Name(name)]:
                self.bind(name, self.value(node.value))
            case _:
                self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Bind one name to a value, and see that what stands between can be evaluated."""
        match node:
            case ast.AnnAssign(ast.Name(name), annotation, ast.expr() as value, 1):
                self.annotation(annotation)
                self.bind(name, self.value(value))
            case _:
                self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Bind a function, of which only the line with its name is evaluated."""
        if node.decorator_list or getattr(node, "type_params", None):
            self.generic_visit(node)
        for default in (*node.args.defaults, *node.args.kw_defaults):
            if default is not None:
                literal(default)
        for argument in ast.walk(node.args):
            if isinstance(argument, ast.arg) and argument.annotation:
                self.annotation(argument.annotation)
        if node.returns:
            self.annotation(node.returns)
        self.bind(node.name, node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def annotation(self, node: ast.expr) -> None:
        """See that an annotation can be evaluated."""
        match node:
            case ast.Constant():
                pass
            case ast.Name(name) if name in self.names:
                pass
            case _:
                self._type(node)

    def _type(self, node: ast.expr) -> bool:
        """See that this is a type, of those that may stand in brackets; None is one too.

        Tells whether it is another one than None.
        """
        match node:
            case ast.Constant(None):
                return False
            case ast.Name() if self._dotted(node) in _TYPES:
                return True
            case ast.Subscript(ast.Name() as outer, inner) if self._dotted(outer) in _TAKES:
                return self._types(self._dotted(outer), inner)
            case ast.BinOp(left, ast.BitOr(), right):
                sides = self._type(left), self._type(right)
                if any(sides):
                    return True
        raise DoubtError(f"line {node.lineno}: nobody knows this annotation")

    def _types(self, outer: str, inner: ast.expr) -> bool:
        parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
        least, most = _TAKES[outer]
        match parts:
            case [first, ast.Constant(value)] if value is ... and outer in _ENDLESS:
                self._type(first)
            case _ if least <= len(parts) <= most:
                for part in parts:
                    self._type(part)
            case _:
                raise DoubtError(f"line {inner.lineno}: {outer} takes another number of types")
        return True

    def _dotted(self, node: ast.Name) -> str:
        found = self.names.get(node.id, Imported(f"builtins.{node.id}"))
        return found.dotted if isinstance(found, Imported) else ""


def literal(node: ast.expr) -> object:
    """Give the value of a literal; of what is mutable, a new one.

    Raises `DoubtError` where it is another expression.
    """
    match node:
        case ast.Constant(value):
            return value
        case ast.Tuple(elements):
            return tuple(map(literal, elements))
        case ast.List(elements):
            return list(map(literal, elements))
        case ast.Dict(keys, values) if all(isinstance(key, ast.Constant) for key in keys):
            pairs = zip(keys, values, strict=True)
            return {
                key.value: literal(value) for key, value in pairs if isinstance(key, ast.Constant)
            }
        case ast.UnaryOp(ast.USub(), ast.Constant(int() | float() as number)):
            return -number
    raise DoubtError(f"line {node.lineno}: this is not a literal")
