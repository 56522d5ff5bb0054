"""The rehearsal: what each statement of a release does, seen on a copy of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.database.scratch.scratch import PLAN, beginning
from migrator.plan import plan
from migrator.settings import load
from tests.plan.releases import ENV, in_production, project, revise
from tests.support.command import run

if TYPE_CHECKING:
    from pathlib import Path

    from migrator.plan.forecast import Forecast
    from migrator.plan.trace.trace import Statement
    from tests.support.servers import Database

ORDERS = (
    "CREATE TABLE customers (id bigint PRIMARY KEY, name text)",
    "CREATE TABLE orders (id bigint PRIMARY KEY, customer bigint, note varchar(20), paid boolean)",
    "INSERT INTO orders SELECT n, n, 'note', true FROM generate_series(1, 1000) n",
    "ANALYZE orders",
)


def foreseen(folder: Path, database: Database, request: plan.PlanRequest | None = None) -> Forecast:
    flags = {"config": str(folder / "alembic.ini"), "database_url": database.url}
    settings, _ = load.read(flags, {})
    return plan.forecast(settings, request or plan.PlanRequest())


def only(folder: Path, database: Database, upgrade: str) -> Statement:
    """Give the one statement of a release."""
    project(folder)
    in_production(folder, database, *ORDERS)
    revise(folder, upgrade)
    found = foreseen(folder, database)
    assert found.trace.failure is None
    assert len(found.trace.statements) == 1
    return found.trace.statements[0]


def locks(statement: Statement) -> set[tuple[str, str]]:
    return {(lock.table, lock.mode) for lock in statement.locks}


def test_a_column_is_added_under_the_strongest_lock(tmp_path: Path, database: Database) -> None:
    seen = only(tmp_path / "p", database, "op.add_column('orders', sa.Column('vat', sa.Integer))")
    assert locks(seen) == {("public.orders", "AccessExclusive")}
    assert "SELECT" in seen.locks[0].stops
    assert [(c.kind, c.name, c.after) for c in seen.changes] == [("column_added", "vat", "integer")]
    assert (seen.rewritten, seen.scanned, seen.written) == ((), (), ())
    assert (seen.revision, seen.line) == ("r2", 11)
    assert seen.file is not None
    assert seen.file.endswith("versions/r2.py")
    assert database.rows("SELECT count(*) FROM pg_attribute WHERE attname = 'vat'") == [(0,)]
    assert database.revisions() == ["r1"]


def test_a_type_that_needs_it_rewrites_the_table(tmp_path: Path, database: Database) -> None:
    change = "op.alter_column('orders', 'note', type_=sa.Integer, postgresql_using='length(note)')"
    seen = only(tmp_path / "p", database, change)
    assert seen.rewritten == ("public.orders",)
    assert [(c.kind, c.before, c.after) for c in seen.changes] == [
        ("column_type", "character varying(20)", "integer")
    ]


def test_a_longer_varchar_rewrites_nothing(tmp_path: Path, database: Database) -> None:
    change = "op.alter_column('orders', 'note', type_=sa.String(50))"
    seen = only(tmp_path / "p", database, change)
    assert (seen.rewritten, seen.scanned) == ((), ())


def test_not_null_reads_the_whole_table(tmp_path: Path, database: Database) -> None:
    seen = only(tmp_path / "p", database, "op.alter_column('orders', 'note', nullable=False)")
    assert seen.scanned == ("public.orders",)
    assert [c.kind for c in seen.changes if c.kind.startswith("column")] == ["column_not_null"]


def test_an_index_stops_the_writers_while_it_is_built(tmp_path: Path, database: Database) -> None:
    seen = only(tmp_path / "p", database, "op.create_index('by_note', 'orders', ['note'])")
    assert locks(seen) == {("public.orders", "Share")}
    assert seen.locks[0].stops == ("INSERT", "UPDATE", "DELETE")
    assert seen.scanned == ("public.orders",)
    assert [(c.kind, c.name) for c in seen.changes] == [("index_added", "by_note")]


def test_an_index_built_concurrently_stops_nobody(tmp_path: Path, database: Database) -> None:
    change = """
        with op.get_context().autocommit_block():
            op.create_index('by_note', 'orders', ['note'], postgresql_concurrently=True)
    """
    seen = only(tmp_path / "p", database, change)
    assert locks(seen) == {("public.orders", "ShareUpdateExclusive")}
    assert seen.locks[0].stops == ()
    assert seen.transaction is None
    assert seen.scanned == ("public.orders",)
    assert [(c.kind, c.name) for c in seen.changes] == [("index_added", "by_note")]


def test_what_is_committed_at_once_is_seen_too(tmp_path: Path, database: Database) -> None:
    change = """
        with op.get_context().autocommit_block():
            op.add_column('orders', sa.Column('vat', sa.Integer))
    """
    seen = only(tmp_path / "p", database, change)
    assert ("public.orders", "AccessExclusive") in locks(seen)
    assert [c.kind for c in seen.changes] == ["column_added"]


def test_a_foreign_key_locks_both_tables(tmp_path: Path, database: Database) -> None:
    change = "op.create_foreign_key('of', 'orders', 'customers', ['customer'], ['id'])"
    seen = only(tmp_path / "p", database, change)
    assert locks(seen) >= {
        ("public.orders", "ShareRowExclusive"),
        ("public.customers", "ShareRowExclusive"),
    }
    added = next(c for c in seen.changes if c.kind == "constraint_added")
    assert (added.detail["type"], added.detail["validated"]) == ("f", True)
    assert added.detail["refers_to"] == "public.customers"


def test_a_dropped_and_a_renamed_table_are_named_as_they_are(
    tmp_path: Path, database: Database
) -> None:
    folder = project(tmp_path / "p")
    in_production(folder, database, *ORDERS)
    revise(folder, "op.rename_table('orders', 'sales')\nop.drop_table('customers')")
    found = foreseen(folder, database).trace.statements
    assert [(c.kind, c.table, c.after) for s in found for c in s.changes] == [
        ("table_renamed", "public.orders", "public.sales"),
        ("table_dropped", "public.customers", None),
    ]


def test_rows_that_are_changed_name_their_table(tmp_path: Path, database: Database) -> None:
    seen = only(tmp_path / "p", database, "op.execute('UPDATE orders SET paid = false')")
    assert seen.written == ("public.orders",)
    assert locks(seen) == {("public.orders", "RowExclusive")}


def test_a_lock_lasts_until_its_transaction_ends(tmp_path: Path, database: Database) -> None:
    folder = project(tmp_path / "p")
    in_production(folder, database, *ORDERS)
    revise(
        folder,
        "op.add_column('orders', sa.Column('vat', sa.Integer))\nop.execute('SELECT pg_sleep(0.2)')",
    )
    revise(folder, "op.add_column('customers', sa.Column('vat', sa.Integer))")
    trace = foreseen(folder, database).trace
    orders, customers = trace.locks
    assert (orders.table, orders.statement, orders.until) == ("public.orders", 1, 2)
    assert orders.held_s >= 0.2
    assert (customers.table, customers.statement, customers.until) == ("public.customers", 3, 3)
    assert trace.statements[0].transaction != trace.statements[2].transaction


def test_tables_of_the_release_itself_are_nobodys(tmp_path: Path, database: Database) -> None:
    folder = project(tmp_path / "p")
    in_production(folder, database, *ORDERS)
    revise(folder, "op.create_table('vats', sa.Column('id', sa.Integer))")
    revise(folder, "op.create_index('by_id', 'vats', ['id'])")
    found = foreseen(folder, database)
    assert found.trace.locks == ()
    assert found.conditions.tables == {}


def test_a_revision_that_fails_is_part_of_the_answer(tmp_path: Path, database: Database) -> None:
    folder = project(tmp_path / "p")
    in_production(folder, database, *ORDERS)
    revise(folder, "op.drop_column('orders', 'colour')")
    found = foreseen(folder, database)
    assert found.trace.failure is not None
    assert (found.trace.failure.revision, found.trace.failure.exit_code) == ("r2", 65)
    assert found.trace.failure.error["sqlstate"] == "42703"
    assert "DROP COLUMN colour" in (found.trace.failure.statement or "")
    assert found.verdict == "danger"


def test_what_env_py_raises_after_its_revisions_is_its_own_failure_as_in_a_run(
    tmp_path: Path, database: Database
) -> None:
    late = """
    if context.get_context().get_current_heads() == ("r2",):
        raise RuntimeError("late")
"""
    folder = project(tmp_path / "p", ENV + late)
    in_production(folder, database, *ORDERS)
    revise(folder, "op.drop_column('orders', 'note')")
    failure = foreseen(folder, database).trace.failure
    assert failure is not None
    ended = run("run", tree=folder, url=database.url)
    assert (failure.revision, failure.exit_code, ended.exit_code) == (None, 66, 66)
    assert failure.error["message"] == ended.report["error"]["message"]
    assert "env.py failed: RuntimeError: late" in str(failure.error["message"])


def test_the_conditions_are_those_of_the_target(tmp_path: Path, database: Database) -> None:
    folder = project(tmp_path / "p")
    in_production(folder, database, *ORDERS)
    revise(folder, "op.add_column('orders', sa.Column('vat', sa.Integer))")
    with database.connect() as reader:
        reader.autocommit = False
        reader.cursor().execute("SELECT FROM orders; SELECT pg_sleep(1.2)")
        found = foreseen(folder, database).conditions
    table = found.tables["public.orders"]
    assert table.rows == 1000
    assert table.size_bytes > 8192
    assert [o.tables for o in found.obstacles] == [("public.orders",)]


def test_no_copy_is_left(tmp_path: Path, database: Database) -> None:
    only(tmp_path / "p", database, "op.add_column('orders', sa.Column('vat', sa.Integer))")
    named = beginning(database.name, PLAN)
    assert database.rows("SELECT FROM pg_database WHERE starts_with(datname, %s)", named) == []


def test_the_rows_of_a_table_that_is_read_are_not_said_to_change(
    tmp_path: Path, database: Database
) -> None:
    folder = project(tmp_path / "p")
    in_production(folder, database, *ORDERS)
    revise(
        folder,
        """
        op.execute("INSERT INTO customers SELECT id, 'new' FROM orders WHERE id < 0")
        op.execute('INSERT INTO "public".orders (id) SELECT id FROM customers')
        op.execute("WITH d AS (DELETE FROM ONLY orders RETURNING id) SELECT FROM d, customers")
        """,
    )
    found = foreseen(folder, database).trace.statements
    assert [each.written for each in found] == [
        ("public.customers",),
        ("public.orders",),
        ("public.orders",),
    ]


REFERS = (
    "CREATE TABLE kinds (id int PRIMARY KEY)",
    "INSERT INTO kinds VALUES (1)",
    "CREATE TABLE things (kind int REFERENCES kinds)",
)


def test_a_constraint_that_only_lacks_its_rows_is_a_caution_and_no_failure(
    tmp_path: Path, database: Database
) -> None:
    folder = project(tmp_path / "p")
    in_production(folder, database, *REFERS)
    revise(
        folder, "op.execute('INSERT INTO things VALUES (1)')", "op.execute('DELETE FROM things')"
    )
    found = foreseen(folder, database)
    assert found.trace.failure is not None
    assert (found.trace.failure.error["sqlstate"], found.fails) == ("23503", False)
    assert "--with-data" in (found.trace.failure.error["hint"] or "")
    assert found.verdict == "caution"
    sure = foreseen(folder, database, plan.PlanRequest(with_data=True))
    assert (sure.trace.failure, sure.verdict) == (None, "safe")
