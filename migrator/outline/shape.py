"""Files that are alike but for their texts, as those of one template are.

What a module does is in its instructions, the names that these use, and its constants. Where two
modules differ in nothing but texts, and one of them only binds names, so does the other. So one
file of a shape is examined statement by statement; of the others only the constants are looked
at, which takes two microseconds.
"""

from __future__ import annotations

from types import CodeType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class Shape(NamedTuple):
    """What a file was found to be."""

    kinds: tuple[type, ...]
    """The types of its constants."""
    fixed: Mapping[int, str]
    """Constants that are part of what it does, such as the names in an import, as text."""
    places: Mapping[str, int]
    """Where among the constants the value of a name is."""

    def values(self, constants: tuple[object, ...]) -> dict[str, object] | None:
        """Give the names' values in another file, or None where it is not of this shape.

        The other file is one for which `key` is the same.
        """
        if tuple(map(type, constants)) != self.kinds:
            return None
        for index, constant in self.fixed.items():
            if repr(constants[index]) != constant:
                return None
        return {name: constants[index] for name, index in self.places.items()}


def key(code: CodeType) -> tuple[object, ...]:
    """Give all that decides what a code does but for its constants."""
    return code.co_code, code.co_names, code.co_flags, code.co_exceptiontable


def shape(code: CodeType, values: Mapping[str, object]) -> Shape | None:
    """Give the shape of a file that was examined, and found to have these values.

    Gives None where they are not among its constants: a list is made when the module runs.
    """
    constants = code.co_consts
    places = {
        name: index
        for name, value in values.items()
        for index, constant in enumerate(constants)
        if type(constant) is type(value) and constant == value
    }
    fixed = {
        index: repr(constant)
        for index, constant in enumerate(constants)
        if not isinstance(constant, str | CodeType) and index not in places.values()
    }
    return Shape(tuple(map(type, constants)), fixed, places) if len(places) == len(values) else None
