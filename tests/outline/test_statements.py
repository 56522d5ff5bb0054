"""A module whose statements are known can be loaded, whatever stands in its annotations."""

from __future__ import annotations

import ast
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrator.outline.doubt import DoubtError
from migrator.outline.statements import Statements

IMPORTS = """
import typing
from collections.abc import Iterable, Mapping as Map, Sequence as Seq
from typing import Any, Callable, Dict, FrozenSet, List, Literal, Mapping, Optional, Sequence
from typing import Set, Tuple, Type, TypeVar, Union
text = "int"
number = 1
def function(): pass
"""
NAMES = [
    *("Any", "Callable", "Dict", "FrozenSet", "Iterable", "List", "Literal", "Map", "Mapping"),
    *("None", "Optional", "Seq", "Sequence", "Set", "Tuple", "Type", "TypeVar", "Union", "bool"),
    *("bytes", "dict", "float", "frozenset", "function", "int", "list", "nowhere", "number"),
    *("object", "range", "set", "str", "text", "tuple", "type", "typing", "'int'", "'a b'", "..."),
    *("()", "1", "-1", "[]"),
]

ANNOTATIONS = st.recursive(
    st.sampled_from(NAMES),
    lambda inner: st.one_of(
        st.builds("{} | {}".format, inner, inner),
        st.builds("{}[{}]".format, st.sampled_from(NAMES), inner),
        st.builds("{}[{}, {}]".format, st.sampled_from(NAMES), inner, inner),
        st.builds("{}[{}, ...]".format, st.sampled_from(NAMES), inner),
        st.builds("typing.{}".format, inner),
    ),
    max_leaves=4,
)
MODULES = st.sampled_from(
    [
        *("x: {} = 1", "def f(x: {}): pass", "def f(*x: {}): pass", "def f(**x: {}): pass"),
        *("def f(*, x: {} = 1): pass", "def f() -> {}: pass", "def f(x: {}, /): pass"),
        *("str = 1\nx: {} = 1", "Union = str\nx: {} = 1", "async def f(x: {}): pass"),
    ]
)


def known(source: str) -> bool:
    """Tell whether all statements are known."""
    try:
        Statements().visit(ast.parse(source))
    except DoubtError:
        return False
    return True


@given(ANNOTATIONS, MODULES)
@settings(max_examples=300, deadline=None)
def test_what_is_known_can_be_loaded(annotation: str, module: str) -> None:
    source = IMPORTS + module.format(annotation)
    try:
        compiled = compile(source, "module", "exec")
    except SyntaxError:
        return
    if known(source):
        exec(compiled, {})  # noqa: S102 - as a revision is loaded


@pytest.mark.parametrize(
    "annotation",
    [
        *("str", "None", "'anything'", "Any", "str | None", "Union[str, None]", "Optional[str]"),
        *("Union[str, Sequence[str], None]", "tuple[str, ...]", "tuple[str, str] | None"),
        *("Seq[str] | None", "list[str]", "List[str]", "Dict[str, int]", "dict[str, list[int]]"),
    ],
)
def test_the_annotations_of_templates_are_known(annotation: str) -> None:
    assert known(f"{IMPORTS}x: {annotation} = 1")


@pytest.mark.parametrize(
    "statement",
    [
        *(
            "x = 1",
            "'text'",
            "...",
            "pass",
            "x = (1, -2, [{'a': b''}])",
            "def f(x=1, *, y=()): pass",
        ),
        *("import os", "import os as o, re", "from os import path", "import logging.config"),
        *("import os\nimport os", "x = 1; y = 2", "async def f(): await g()"),
    ],
)
def test_a_harmless_statement_is_known(statement: str) -> None:
    assert known(statement)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="a syntax of Python 3.12")
def test_a_function_with_parameters_of_type_is_not_known() -> None:
    assert not known("def f[T](): pass")


@pytest.mark.parametrize(
    "statement",
    [
        *("x = y", "x = f()", "x = 1 + 1", "x = {1}", "x = [*[]]", "x = {**{}}", "x = f'{1}'"),
        *("x = y = 1", "x, y = 1, 2", "x.y = 1", "x[0] = 1", "x += 1", "x: int", "del x"),
        *("x = 1\nx = 1", "x = 1\ndef x(): pass", "import os\nos = 1", "x = 1\nimport os as x"),
        *("x = 'os'\nimport os as x", "x = ('os',)\nimport os as x"),
        *("__doc__ = ''", "def __getattr__(name): pass", "import os as __path__"),
        *(
            "if 1: pass",
            "for x in (): pass",
            "while 0: pass",
            "with x: pass",
            "try: pass\nfinally: pass",
        ),
        *("assert 1", "raise x", "class A: pass", "print()", "x", "lambda: 1", "global x"),
        *(
            "@f\ndef g(): pass",
            "def f(x=g()): pass",
            "def f(*, x=g): pass",
            "match 1:\n case _: pass",
        ),
        *("import nowhere", "import os.nowhere", "from os import nowhere", "from os import *"),
        *("from . import x", "from .os import path", "import migrator", "x: int[str] = 1"),
    ],
)
def test_any_other_statement_is_not(statement: str) -> None:
    assert not known(statement)
