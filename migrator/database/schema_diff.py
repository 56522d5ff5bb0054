"""Compare the schemas of two databases object by object."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator.output.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LEDGER = "migrator"
"""The schema of the ledger, which no revision makes."""
_PARTITION = "PARTITION OF "
_QUALIFIER = re.compile(r'(?:"[^"]+"|\b[a-z_]\w*)\.(?=["a-z_])')
_FORM = re.compile(r"[\s()]+")
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


def departures(
    made: Mapping[str, str], found: Mapping[str, str], *, same_major: bool
) -> tuple[str, ...]:
    """Give, in words, how the shape that was found departs from the one that was made.

    An extension that nobody asked for is the administrator's, and not told. Two major versions may
    write the same thing with other qualifiers and parentheses, which are then not compared.
    """
    differences = compared(_of_the_project(made), _of_the_project(found))
    if not same_major:
        differences = tuple(each for each in differences if not _is_alike(each))
    single = [each for each in differences if not _made_at_run_time(each)]
    return (*map(_told, single), *_partitions(differences))


def partitions(found: Mapping[str, str]) -> frozenset[str]:
    """Give the names of the tables that are parts of others."""
    return frozenset(
        name.removeprefix("table ") for name, told in found.items() if told.startswith(_PARTITION)
    )


def _of_the_project(things: Mapping[str, str]) -> dict[str, str]:
    return {
        name: told
        for name, told in things.items()
        if name.partition(" ")[2].partition(".")[0] != LEDGER
    }


def _is_alike(difference: Difference) -> bool:
    expected, found = difference.expected, difference.found
    return expected is not None and found is not None and _plain(expected) == _plain(found)


def _plain(definition: str) -> str:
    """Give a definition without what the versions write differently (15 and 16 in views)."""
    return _FORM.sub("", _QUALIFIER.sub("", definition)).lower()


def _made_at_run_time(difference: Difference) -> bool:
    """Tell whether it is a partition or an extension, which a database in use has of its own."""
    if difference.expected is not None:
        return False
    return difference.thing.startswith("extension ") or (difference.found or "").startswith(
        _PARTITION
    )


def _partitions(differences: tuple[Difference, ...]) -> Iterator[str]:
    """Say of each table once that it has partitions which no revision makes.

    That is how partitions by time are meant to be; it is told because they can be forgotten too.
    """
    counts = Counter(
        (each.found or "").removeprefix(_PARTITION).partition(" ")[0]
        for each in differences
        if _made_at_run_time(each) and each.thing.startswith("table ")
    )
    for table, count in sorted(counts.items()):
        yield f"table {table} has {counted(count, 'partition')} of no revision"


def _told(difference: Difference) -> str:
    if difference.found is None:
        return f"{difference.thing} is missing: the revisions make it"
    if difference.expected is None:
        return f"{difference.thing} is there, and no revision makes it"
    return f"{difference}, as the revisions make it"
