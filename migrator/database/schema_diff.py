"""How the shapes of two databases differ, thing by thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_OWNERS = ("table ", "view ")
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Difference:
    """A thing that is not in one of two shapes, or not the same in both."""

    thing: str
    """Its kind and its name as SQL writes it: `column public.orders.total`."""
    expected: str | None
    """How Postgres writes it down; None where it is not to be there."""
    found: str | None

    def __str__(self) -> str:
        """Say it of the shape that was found."""
        if self.found is None:
            return f"{self.thing} is missing"
        if self.expected is None:
            return f"{self.thing} is too much"
        if max(len(self.expected), len(self.found)) > _LONGEST:
            return f"{self.thing} differs"
        return f"{self.thing} is {self.found or 'ordinary'}, not {self.expected or 'ordinary'}"


def compared(expected: Mapping[str, str], found: Mapping[str, str]) -> tuple[Difference, ...]:
    """Give how a shape differs from the one expected; a table stands for all that is in it."""
    names = sorted({name for name in (*expected, *found) if expected.get(name) != found.get(name)})
    all_of_it = [Difference(name, expected.get(name), found.get(name)) for name in names]
    whole = [each for each in all_of_it if None in {each.expected, each.found}]
    owners = {each.thing.partition(" ")[2] for each in whole if each.thing.startswith(_OWNERS)}
    return tuple(each for each in all_of_it if not _is_part(each, owners))


def _is_part(difference: Difference, owners: set[str]) -> bool:
    if difference.thing.startswith(_OWNERS):
        return False
    kind, _, name = difference.thing.partition(" ")
    told = difference.expected or difference.found or ""
    if kind == "index":
        return any(f" ON {owner} " in told or f" ON ONLY {owner} " in told for owner in owners)
    if kind == "sequence":
        return told.partition(" OWNED BY ")[2].rpartition(".")[0] in owners
    return any(name.startswith(f"{owner}.") for owner in owners)


def differences(
    expected: Mapping[str, str], found: Mapping[str, str], *, names_only: bool
) -> list[str]:
    """Give what is missing, too much, or otherwise defined, in words.

    Two major versions may write the same thing differently: then only names are compared.
    """
    told = [f"{name} is missing" for name in expected if name not in found]
    told += [f"{name} is too much" for name in found if name not in expected]
    if not names_only:
        both = (name for name in expected if name in found)
        told += [f"{name} differs" for name in both if expected[name] != found[name]]
    return sorted(told)
