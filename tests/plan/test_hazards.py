"""The hazards: how they are rated, accepted and worded, and that the safer way is one."""

from __future__ import annotations

import re
from textwrap import indent
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from benchmarks.revisions import Case, cases, fill, planned, release
from migrator.plan import plan
from migrator.plan.hazards.compatibility import holds_all_of
from migrator.plan.hazards.examples import LATER, NEXT, new_column
from migrator.plan.hazards.find import idle_allowances
from migrator.plan.hazards.size import busy, described, level
from migrator.plan.target import Conditions, Table
from migrator.plan.trace.trace import Change
from migrator.settings import load
from tests.plan.releases import project, revise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.servers import Database, Server

_STEP = """
from alembic import op

revision = "step_{number}"
down_revision = "{before}"


def upgrade():
{lines}
"""
FOR_SOME_TABLE = {"bulk-data-change", "enum-value-used"}  # what to write there, nobody can know
ADVISED = [c for c in cases() if c.hazards and not FOR_SOME_TABLE & {*c.hazards}]


@pytest.fixture(scope="module")
def target(server: Server) -> Iterator[Database]:
    """Give a database in use; no plan changes it."""
    with server.fresh() as made:
        fill(made.rows)
        yield made


def of(rows: int | None, size_bytes: int, reads_per_s: float | None = 0) -> Conditions:
    """Give a target with one table."""
    return Conditions({"t": Table("t", rows, size_bytes, reads_per_s, 0)}, known=True)


@pytest.mark.parametrize(
    ("rows", "size_bytes", "rated"),
    [
        (9_999, 9_999_999, None),
        (10_000, 0, "caution"),
        (0, 10_000_000, "caution"),
        (999_999, 999_999_999, "caution"),
        (1_000_000, 0, "danger"),
        (0, 1_000_000_000, "danger"),
        (None, 8192, None),
        (None, 1_000_000_000, "danger"),
    ],
)
def test_a_table_is_rated_by_its_rows_and_by_its_bytes(
    rows: int | None, size_bytes: int, rated: str | None
) -> None:
    assert level("t", of(rows, size_bytes)) == rated


def test_a_table_of_which_nothing_is_known_is_large() -> None:
    assert level("t", Conditions()) == "danger"
    assert busy("t", Conditions())
    assert described("t", Conditions()) == "t (size unknown)"


def test_a_small_table_is_in_use_where_the_statistics_say_so() -> None:
    assert not busy("t", of(10, 8192, 0.9))
    assert busy("t", of(10, 8192, 1.0))


def test_the_figures_of_a_table_are_those_a_person_reads() -> None:
    assert described("t", of(1_200_000, 98_400_000)) == "t (1.2 million rows, 98.4 MB)"
    assert described("t", of(None, 0)) == "t (never analyzed, 0 bytes)"


@pytest.mark.parametrize(
    ("before", "after", "goes_on"),
    [
        ("character varying(50)", "character varying(100)", True),
        ("character varying(50)", "character varying", True),
        ("character varying", "character varying(50)", False),
        ("character varying(50)", "character varying(40)", False),
        ("character varying(50)", "text", True),
        ("text", "character varying(50)", False),
        ("integer", "bigint", True),
        ("bigint", "integer", False),
        ("integer", "text", False),
        ("numeric(10,2)", "numeric(12,2)", True),
        ("numeric(10,2)", "numeric(12,4)", False),
        ("numeric(10,2)", "numeric", True),
        ("json", "jsonb", True),
        ("timestamp(0) without time zone", "timestamp(3) without time zone", True),
        ("timestamp without time zone", "timestamp with time zone", False),
        ("integer", "integer[]", False),
    ],
)
def test_old_code_goes_on_with_a_wider_type_of_the_same_kind(
    before: str, after: str, *, goes_on: bool
) -> None:
    assert holds_all_of(after, before) == goes_on


def test_an_allow_that_allows_nothing_is_a_warning(target: Database, tmp_path: Path) -> None:
    [case] = [case for case in cases() if case.name == "drop_column"]
    folder = release(tmp_path / "p", case)
    file = folder / "versions" / "drop_column.py"
    file.write_text(
        "# migrator: allow drop-colum because I cannot spell\n"
        "# migrator: allow drop-table because I thought of another one\n"
        "# migrator: allow style-of-another because it is another linter's\n" + file.read_text()
    )
    found = planned(folder, target.url)
    assert found.verdict == "danger"
    warnings = idle_allowances(found.trace, found.hazards, ["style-of-another"])
    assert [re.findall(r"`(.+)`.*: (.+)\.", each)[0] for each in warnings] == [
        ("# migrator: allow drop-colum", "there is no hazard of that name"),
        ("# migrator: allow drop-table", "this plan has no such hazard"),
        ("# migrator: allow style-of-another", "this plan has no such hazard"),
    ]


def test_what_is_accepted_is_shown_with_its_reason(target: Database, tmp_path: Path) -> None:
    [case] = [case for case in cases() if case.name == "drop_column_allowed"]
    found = planned(release(tmp_path / "p", case), target.url)
    assert [(hazard.code, hazard.allowed) for hazard in found.hazards] == [
        ("drop-column", "no release in use names it any more")
    ]


@pytest.mark.parametrize("case", ADVISED, ids=lambda case: case.name)
def test_the_safer_way_is_one(case: Case, target: Database, tmp_path: Path) -> None:
    found = planned(release(tmp_path / "p", case), target.url)
    for number, hazard in enumerate(found.hazards):
        assert hazard.instead
        assert hazard.code in hazard.page
        if hazard.example and not hazard.allowed:
            folder = tmp_path / str(number)
            release(folder, Case(case.file.parent / "empty.py", "safe", ()))
            _after_empty(folder, hazard.example)
            again = planned(folder, target.url)
            worse = [each for each in again.hazards if each.code != "no-downgrade"]
            assert [each.reason for each in worse if not each.allowed] == []


def _after_empty(folder: Path, example: str) -> None:
    """Make a revision of each step of an example; the last is for a later release."""
    before = "empty"
    for number, step in enumerate(re.split(f"{NEXT}|{LATER}", example), 1):
        lines = indent(step.strip() or "pass", "    ")
        text = _STEP.format(before=before, number=number, lines=lines)
        (folder / "versions" / f"step_{number}.py").write_text(text)
        before = f"step_{number}"


def test_the_trigger_keeps_columns_in_step_that_have_no_equality(database: Database) -> None:
    database.rows("CREATE TABLE t (id int, doc json)")
    change = Change("column_type", "public.t", "doc", "json", "jsonb")
    op = SimpleNamespace(execute=database.rows)
    exec(new_column(change, "doc_new", "jsonb"), {"op": op})  # noqa: S102 - our own code
    database.rows("""INSERT INTO t (id, doc) VALUES (1, '{"a": 1}')""")
    database.rows("""INSERT INTO t (id, doc_new) VALUES (2, '{"a": 2}')""")
    database.rows("""UPDATE t SET doc = '{"b": 1}' WHERE id = 1""")
    database.rows("""UPDATE t SET doc_new = '{"b": 2}' WHERE id = 2""")
    found = database.rows("SELECT id, doc, doc_new FROM t ORDER BY id")
    assert found == [(1, {"b": 1}, {"b": 1}), (2, {"b": 2}, {"b": 2})]


def test_every_revision_is_a_release_of_its_own_without_a_target(tmp_path: Path) -> None:
    folder = project(tmp_path / "p")
    revise(folder, "op.create_table('t', sa.Column('id', sa.Integer))", "op.drop_table('t')")
    revise(folder, "op.create_index('by_id', 't', ['id'])", "op.drop_index('by_id')")
    settings, _ = load.read(
        {"config": str(folder / "alembic.ini"), "database_url": "postgresql://no/no"}, {}
    )
    found = plan.from_base(settings)
    assert [(h.code, h.level, h.revision) for h in found.hazards] == [
        ("index-not-concurrent", "danger", "r2")
    ]
    assert "size unknown" in found.hazards[0].reason
