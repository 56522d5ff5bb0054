"""Whether env.py may do several times what it does once: a version table for each tenant, say."""

from __future__ import annotations

import ast

_LOOPS = (
    *(ast.For, ast.AsyncFor, ast.While),
    *(ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp),
)
_STEPS = {"configure", "run_migrations", "begin_transaction", "map", "gather"}


def may_repeat(source: bytes) -> bool:
    """Tell whether a loop may configure Alembic, by itself or by a function of the file."""
    tree = ast.parse(source)
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    steps = _STEPS | {node.name for node in ast.walk(tree) if isinstance(node, functions)}
    return any(
        _called(call) in steps
        for loop in ast.walk(tree)
        if isinstance(loop, _LOOPS)
        for call in ast.walk(loop)
        if isinstance(call, ast.Call)
    ) or bool({_called(call) for call in ast.walk(tree)} & {"map", "gather"})


def _called(call: ast.AST) -> str | None:
    if not isinstance(call, ast.Call):
        return None
    return getattr(call.func, "id", None) or getattr(call.func, "attr", None)
