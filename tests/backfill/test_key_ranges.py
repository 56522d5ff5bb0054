"""The position behind which all is done, whoever is at which keys."""

from __future__ import annotations

from migrator.backfill.key_ranges import Passage, Span
from migrator.backfill.keyset import Page


def page(*numbers: int) -> Page:
    """Give a page with these keys."""
    return Page(tuple((n,) for n in numbers), tuple((str(n),) for n in numbers))


def claim(passage: Passage, *numbers: int, full: bool = True) -> Span:
    """Take these keys, which are found where the passage says."""
    where = passage.next()
    assert where is not None
    span = passage.claimed(where, page(*numbers), full=full)
    assert span is not None
    return span


def test_the_position_is_before_the_first_that_somebody_is_at() -> None:
    passage = Passage(None)
    first, second, third = claim(passage, 1, 2), claim(passage, 3, 4), claim(passage, 5, 6)

    assert passage.position(besides=second) is None
    passage.done(second)
    assert passage.position(besides=first) == ("4",)
    passage.done(first)
    assert passage.position(besides=third) == ("6",)


def test_what_is_given_back_comes_first_and_its_rest_after_it() -> None:
    passage = Passage(("0",))
    span, other = claim(passage, 1, 2, 3, 4), claim(passage, 5, 6)
    passage.give_back(span, 2)

    again = passage.next()
    assert again is span
    assert (again.after, again.upto, again.limit) == (("0",), ("4",), 2)
    assert passage.claimed(again, page(1, 2), full=True) is span
    rest = passage.next()
    assert rest is not None
    assert (rest.after, rest.upto, rest.limit) == (("2",), ("4",), 2)
    passage.done(span)
    assert passage.position(besides=other) == ("2",)


def test_it_is_over_when_a_page_is_not_full_and_nothing_is_given_back() -> None:
    passage = Passage(None)
    span = claim(passage, 1, full=False)
    assert passage.next() is None
    passage.give_back(span, 1)
    assert passage.next() is span
    assert passage.claimed(span, None, full=False) is None
    assert passage.next() is None
