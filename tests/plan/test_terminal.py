"""The picture on a terminal: the verdict first, then what to do, then what each statement does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrator.output.text import duration, rows
from migrator.plan.render import timeline
from migrator.plan.render.terminal import text
from migrator.plan.target import Conditions
from tests.plan.forecasts import (
    EVIL,
    FAILED,
    HARMLESS,
    HOSTILE,
    NOTHING,
    ORDERS,
    RELEASE,
    WITH_DATA,
)


def test_the_verdict_is_the_first_word_and_the_sentence_counts_what_was_found() -> None:
    first = text(RELEASE).splitlines()[0]
    assert first == "danger    3 revisions, 7 statements: 2 dangers, 1 caution, 1 allowed."


def test_nothing_pending_is_one_line() -> None:
    assert text(NOTHING) == "safe      Nothing is pending: the database is at r3."


def test_a_safe_release_says_that_no_hazard_was_found() -> None:
    assert text(HARMLESS).startswith("safe      3 revisions, 1 statement: no hazard was found.")


def test_each_hazard_comes_with_its_place_and_the_safer_way_before_any_statement() -> None:
    told = text(RELEASE)
    hazard = told.index("Nobody can write to audit.events (310,000 rows)")
    place = told.index("index-without-concurrently, ship_faster, statement 6,", hazard)
    instead = told.index("Instead: Build it concurrently", place)
    code = told.index('                  op.create_index("events_by_day"', instead)
    assert code < told.index("ALTER TABLE orders ADD COLUMN vat")


def test_the_worst_hazards_come_first_and_what_is_allowed_last() -> None:
    backwards = replace(RELEASE, hazards=RELEASE.hazards[::-1])
    levels = [line.split()[0] for line in text(backwards).splitlines() if line[:1].isalpha()]
    assert levels[:5] == ["danger", "danger", "danger", "caution", "allowed"]


def test_of_a_long_example_the_beginning_is_shown_and_where_the_rest_is() -> None:
    long = replace(RELEASE.hazards[0], example="\n".join(f"step({n})" for n in range(20)))
    told = text(replace(RELEASE, hazards=(long,)))
    assert "step(5)\n" in told
    assert "step(6)" not in told
    assert "# 14 lines more: docs/reference/hazards.md#lock-held" in told


def test_what_is_allowed_shows_the_reason_instead_of_advice() -> None:
    told = text(RELEASE).partition("allowed   ")[2].partition("\n\n")[0]
    assert "Accepted because nobody has written to it since March" in told
    assert "Instead" not in told


def test_a_statement_has_its_place_its_locks_what_they_stop_and_how_large_the_table_is() -> None:
    lines = text(RELEASE).splitlines()
    at = next(i for i, line in enumerate(lines) if "ADD COLUMN vat" in line)
    assert lines[at].split()[-3:] == ["versions/add_vat.py:14", "4", "ms"]
    assert [cell.strip() for cell in lines[at + 1].split("  ") if cell.strip()] == [
        *("public.orders", "12.4 million rows, 3.12 GB", "stops reads and writes"),
        "AccessExclusive, statements 1 to 4, 231 ms",
    ]


def test_a_lock_that_stops_nothing_more_is_left_out() -> None:
    told = text(RELEASE)
    assert "RowExclusive, statement" not in told.replace("ShareRowExclusive", "")
    kept = timeline.of_tables(RELEASE.trace)[ORDERS]
    assert [lock.mode for lock in kept] == ["AccessExclusive", "ShareUpdateExclusive"]


def test_the_most_stopped_tables_come_first_in_the_timeline() -> None:
    found = timeline.of_tables(RELEASE.trace)
    assert [max(lock.strength for lock in locks) for locks in found.values()] == [7, 7, 7, 5, 4]


def test_who_is_in_the_way_and_the_replicas_are_named() -> None:
    told = text(RELEASE)
    assert (
        "In the way right now:\n  monthly report (pid 4711), in its transaction for 90 min" in told
    )
    assert "has locked public.orders: SELECT sum(total) FROM orders" in told
    assert "A replica is 2.4 s behind." in told


def test_times_of_a_copy_without_rows_are_called_so_and_those_of_one_with_them_are_not() -> None:
    assert "So the times say nothing about your data" in text(RELEASE)
    assert "say nothing about your data" not in text(WITH_DATA)
    assert "on a copy with all rows (scratch, Postgres 17.2)" in text(WITH_DATA)


def test_a_history_from_its_base_says_that_there_was_no_target() -> None:
    told = text(replace(RELEASE, conditions=Conditions()))
    assert "There was no target" in told
    assert "size not known" in told


def test_a_rehearsal_that_failed_says_so_first_with_the_servers_words() -> None:
    lines = text(FAILED).splitlines()
    assert lines[0] == "danger    The rehearsal failed in revision ship_faster."
    assert 'column "courier_id" does not exist' in lines[1]
    assert lines[3].strip() == "Hint: Perhaps it is meant to be courier."
    assert "Find orders by their courier.  failed" in text(FAILED)
    assert "Carts live in the browser now.  not reached" in text(FAILED)
    assert "fails only because rows are missing" in text(FAILED)


@pytest.mark.parametrize("limit", ["safe", "caution"])
def test_a_verdict_above_the_limit_is_called_so(limit: str) -> None:
    assert f"above the limit: MIGRATOR_MAX_RISK is {limit}" in text(RELEASE, limit=limit)


@pytest.mark.parametrize("limit", ["danger", None])
def test_a_verdict_within_the_limit_is_not(limit: str | None) -> None:
    assert "limit" not in text(RELEASE, limit=limit)


def test_colours_are_for_a_terminal_and_take_nothing_away() -> None:
    assert "\033" not in text(RELEASE)
    coloured = text(RELEASE, colours=True)
    assert coloured.startswith("\033[1m\033[31mdanger")
    assert "\033[33mstops writes" in coloured


def test_nothing_from_a_revision_or_another_session_reaches_the_terminal_as_a_command() -> None:
    told = text(HOSTILE)
    assert "\033" not in told
    assert EVIL.replace("\033", "") in told


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((0.0, "under 1 ms"), (0.004, "4 ms"), (0.9, "900 ms"), (2.34, "2.3 s")),
        *((119.0, "119.0 s"), (300.0, "5 min 0 s"), (7_500.0, "2 h 5 min")),
    ],
)
def test_durations_are_in_the_unit_in_which_one_would_say_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("number", "words"), [(1, "1 row"), (12_000, "12,000 rows"), (12_431_902, "12.4 million rows")]
)
def test_rows_are_rounded_where_nobody_would_count_them(number: int, words: str) -> None:
    assert rows(number) == words
