"""The course that env.py takes when a database is migrated, followed without running it.

Statement after statement is followed with stand-ins for what it imports. The first that is of
an unknown shape, or asks a stand-in for something that it does not know, ends it in doubt.
"""

from __future__ import annotations

import ast
from contextlib import ExitStack
from functools import partial
from types import CodeType
from typing import TYPE_CHECKING

from migrator.outline.doubt import DoubtError
from migrator.outline.expressions import Expressions
from migrator.outline.stand_ins import Block, Function, Pending

if TYPE_CHECKING:
    from collections.abc import Mapping

    Definition = ast.FunctionDef | ast.AsyncFunctionDef


class _Returned(Exception):  # noqa: N818 - it is no error
    """A function has ended with a value."""

    def __init__(self, value: object) -> None:
        self.value = value


class Course(Expressions):
    """Follows a module, and the functions that it calls."""

    def __init__(self, code: CodeType, stage: Mapping[str, object]) -> None:
        """Know the module's code, and what stands for each thing that it may use."""
        super().__init__(stage)
        self.names["__name__"] = "env_py"  # Alembic's name for it: `load_python_file`
        inner = (each for each in code.co_consts if isinstance(each, CodeType))
        self._codes = {(each.co_name, each.co_firstlineno): each for each in inner}
        self._own: tuple[str, ...] | None = None
        """The names that are the function's own, while one is followed."""
        self._local: dict[str, object] = {}

    def named(self, name: str) -> object:
        """Give what a name is bound to; a `KeyError` where it is not."""
        return self._local[name] if name in (self._own or ()) else super().named(name)

    def bind(self, name: str, value: object) -> None:
        """Give a name to something; in a function, one of the function's own."""
        if self._own is None:
            super().bind(name, value)
        elif name in self._local or name not in self._own:
            raise DoubtError(f"{name} is bound again, or outside its function")
        else:
            self._local[name] = value

    def visit_Expr(self, node: ast.Expr) -> None:
        """Follow a call that gives nothing."""
        if not isinstance(node.value, ast.Constant) and self.value(node.value) is not None:
            self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        """Bind a name, or set an option of a section."""
        match node.targets:
            case [ast.Subscript(container, ast.Constant(str() as key))]:
                section = self.value(container)
                if not isinstance(section, dict):
                    self.generic_visit(node)
                section[key] = self.value(node.value)
            case _:
                super().visit_Assign(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Bind a function of the module, which is followed where it is called."""
        if self._own is not None:
            self.generic_visit(node)
        super().visit_FunctionDef(node)
        self.names[node.name] = Function(partial(self._called, node))

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_If(self, node: ast.If) -> None:
        """Follow the branch that is taken."""
        for statement in node.body if self.true(node.test) else node.orelse:
            self.visit(statement)

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        """Follow what is inside."""
        with ExitStack() as stack:
            for item in node.items:
                block = self.value(item.context_expr)
                asynchronous = isinstance(node, ast.AsyncWith)
                if not isinstance(block, Block) or block.asynchronous != asynchronous:
                    raise DoubtError(f"line {node.lineno}: nobody knows what is entered")
                stack.enter_context(block)
                if isinstance(item.optional_vars, ast.Name):
                    self.bind(item.optional_vars.id, block)
                elif item.optional_vars:
                    self.generic_visit(node)
            for statement in node.body:
                self.visit(statement)

    visit_AsyncWith = visit_With

    def visit_Return(self, node: ast.Return) -> None:
        """End the function."""
        raise _Returned(self.value(node.value) if node.value else None)

    def _called(self, node: Definition, *arguments: object) -> object:
        """Follow a call; of an asynchronous function, when it is awaited."""
        code, names = self._codes[node.name, node.lineno], [each.arg for each in node.args.args]
        unusual = (*node.args.kwonlyargs, *node.args.posonlyargs, node.args.vararg, node.args.kwarg)
        if any(unusual) or len(names) != len(arguments) or code.co_cellvars:
            raise DoubtError(f"line {node.lineno}: nobody knows how {node.name} is called")
        given = dict(zip(names, arguments, strict=True))
        follow = partial(self._followed, node.body, code.co_varnames, given)
        return Pending(follow) if isinstance(node, ast.AsyncFunctionDef) else follow()

    def _followed(
        self, body: list[ast.stmt], own: tuple[str, ...], given: dict[str, object]
    ) -> object:
        """Follow the body of a function, which has names of its own; some have a value already."""
        before = self._own, self._local
        self._own, self._local = own, given
        try:
            for statement in body:
                self.visit(statement)
        except _Returned as returned:
            return returned.value
        finally:
            self._own, self._local = before
        return None
