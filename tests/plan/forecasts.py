"""Forecasts made in code, to be shown: an ordinary release, and one that is out to break things."""

from __future__ import annotations

from dataclasses import replace

from migrator.plan.forecast import Forecast, Rehearsal
from migrator.plan.hazards.hazard import Hazard
from migrator.plan.target import Conditions, Obstacle, Table
from migrator.plan.trace.trace import Change, Failure, Lock, Revision, Statement, Trace

ORDERS, CUSTOMERS, ITEMS = "public.orders", "public.customers", "public.order_items"
CARTS, AUDIT = "public.carts", "audit.events"
_REVISIONS = (
    Revision("add_vat", "Give orders their VAT.", "versions/add_vat.py", 0.231),
    Revision("ship_faster", "Find orders by their courier.", "versions/ship_faster.py", 0.094),
    Revision(
        *("drop_carts", "Carts live in the browser now.", "versions/drop_carts.py", 0.012),
        obstacle="there is no downgrade()",
        allowed={"drop-table": "nobody has written to it since March"},
    ),
)


def _ran(  # noqa: PLR0913, PLR0917 - what is known of a statement
    number: int,
    revision: str,
    line: int,
    duration_s: float,
    transaction: int | None,
    sql: str,
    *locks: tuple[str, str, int, float],
) -> Statement:
    """Give a statement; of a lock its table, its mode, its last statement, its seconds."""
    return Statement(
        number=number,
        revision=revision,
        sql=sql,
        file=f"versions/{revision}.py",
        line=line,
        duration_s=duration_s,
        rows=None,
        transaction=transaction,
        locks=tuple(
            Lock(table, mode, number, until, held_s) for table, mode, until, held_s in locks
        ),
    )


_STATEMENTS = (
    replace(
        _ran(
            *(1, "add_vat", 14, 0.004, 1, "ALTER TABLE orders ADD COLUMN vat NUMERIC(5, 2)"),
            (ORDERS, "AccessExclusive", 4, 0.231),
        ),
        changes=(Change("column_added", ORDERS, "vat", after="numeric(5,2)"),),
    ),
    replace(
        _ran(
            *(2, "add_vat", 15, 0.187, 1),
            "UPDATE orders SET vat = 19.00 WHERE paid_at < '2026-01-01'",
            (ORDERS, "RowExclusive", 4, 0.22),
        ),
        scanned=(ORDERS,),
        written=(ORDERS,),
    ),
    replace(
        _ran(
            *(3, "add_vat", 17, 0.021, 1),
            "ALTER TABLE order_items ALTER COLUMN price TYPE BIGINT",
            (ITEMS, "AccessExclusive", 4, 0.04),
        ),
        rewritten=(ITEMS,),
    ),
    replace(
        _ran(
            *(4, "add_vat", 21, 0.019, 1),
            "ALTER TABLE order_items ADD CONSTRAINT order_items_customer_fkey\n"
            "    FOREIGN KEY (customer_id) REFERENCES customers (id)",
            (CUSTOMERS, "ShareRowExclusive", 4, 0.019),
            (ITEMS, "ShareRowExclusive", 4, 0.019),
        ),
        scanned=(ITEMS,),
    ),
    replace(
        _ran(
            *(5, "ship_faster", 12, 0.061, None),
            "CREATE INDEX CONCURRENTLY orders_by_courier ON orders (courier_id)",
            (ORDERS, "ShareUpdateExclusive", 5, 0.061),
        ),
        scanned=(ORDERS,),
    ),
    replace(
        _ran(
            *(6, "ship_faster", 14, 0.033, 2),
            "CREATE INDEX events_by_day ON audit.events (created_at)",
            (AUDIT, "Share", 6, 0.033),
        ),
        scanned=(AUDIT,),
    ),
    _ran(
        *(7, "drop_carts", 10, 0.003, 3, "DROP TABLE carts"),
        (CARTS, "AccessExclusive", 7, 0.012),
    ),
)
_HAZARDS = (
    Hazard(
        *("lock-held", "danger", "add_vat", 1, ORDERS),
        reason="Every query of public.orders (12.4 million rows) waits from statement 1 until"
        " statement 4 is done.",
        instead="Put the statements after it into a revision of their own.",
    ),
    Hazard(
        *("rewrite", "danger", "add_vat", 3, ITEMS),
        reason="The new type writes all 48.1 million rows of public.order_items anew, and every"
        " query of it waits meanwhile.",
        instead="Add a column of the new type, fill it in batches, and let the code change over.",
        example='op.add_column("order_items", sa.Column("price_cents", sa.BigInteger))\n'
        'op.execute("UPDATE order_items SET price_cents = price WHERE id BETWEEN %s AND %s")',
    ),
    Hazard(
        *("index-without-concurrently", "caution", "ship_faster", 6, AUDIT),
        reason="Nobody can write to audit.events (310,000 rows) while the index is built.",
        instead="Build it concurrently, outside of a transaction.",
        example="with op.get_context().autocommit_block():\n"
        '    op.create_index("events_by_day", "events", ["created_at"],\n'
        '                    schema="audit", postgresql_concurrently=True)',
    ),
    Hazard(
        *("drop-table", "danger", "drop_carts", 7, CARTS),
        reason="The version that is still running fails on public.carts as soon as it is dropped.",
        instead="Deploy code that does not use it first, and drop it in the release after that.",
        allowed="nobody has written to it since March",
    ),
)
_CONDITIONS = Conditions(
    {
        ORDERS: Table(ORDERS, 12_431_902, 3_121_004_544, 412.3, 58.9),
        ITEMS: Table(ITEMS, 48_102_233, 7_904_333_824, 390.0, 171.2),
        CUSTOMERS: Table(CUSTOMERS, 904_120, 301_989_888, 120.5, 2.4),
        AUDIT: Table(AUDIT, 310_442, 88_244_224, 0.1, 61.0),
        CARTS: Table(CARTS, None, 24_576, None, None),
    },
    (
        Obstacle(4711, "monthly report", 5_412.0, "SELECT sum(total) FROM orders", (ORDERS,)),
        Obstacle(4800, "", 61.0, None),
    ),
    replication_lag_s=2.4,
    known=True,
)
RELEASE = Forecast(
    ("first_tables",),
    ("drop_carts",),
    Trace(_REVISIONS, _STATEMENTS),
    _CONDITIONS,
    _HAZARDS,
    Rehearsal("scratch", "17.2"),
)
"""Three revisions on five tables: two dangers, a caution, and a danger that is allowed."""

WITH_DATA = replace(RELEASE, rehearsal=Rehearsal("scratch", "17.2", with_data=True))
NOTHING = Forecast(("r3",), ("r3",), Trace((), ()), Conditions(known=True), ())
HARMLESS = replace(RELEASE, hazards=(), trace=replace(RELEASE.trace, statements=(_STATEMENTS[0],)))
FAILED = replace(
    RELEASE,
    trace=Trace(
        (*_REVISIONS[:1], *(replace(one, duration_s=None) for one in _REVISIONS[1:])),
        _STATEMENTS[:4],
        Failure(
            "ship_faster",
            "CREATE INDEX CONCURRENTLY orders_by_courier ON orders (courier_id)",
            {
                "kind": "revision",
                "message": 'Revision ship_faster failed: column "courier_id" does not exist\n'
                "Statement: CREATE INDEX CONCURRENTLY orders_by_courier ON orders (courier_id)",
                "sqlstate": "42703",
                "hint": "Perhaps it is meant to be courier.",
            },
            65,
        ),
    ),
    hazards=_HAZARDS[:2],
)

EVIL = "</script></style></pre><img src=x onerror=alert(1)> | `` ``` | **bold** \x1b[31m @team"
"""What must stay text wherever it stands."""


def _evil_statement() -> Statement:
    sql = f"SELECT '{EVIL}'\n-- | two\n```\n</details>"
    return replace(_STATEMENTS[0], sql=sql, file=EVIL, locks=(_evil_lock(),), rewritten=(EVIL,))


def _evil_lock() -> Lock:
    return Lock(EVIL, "AccessExclusive", 1, 1, 0.1)


HOSTILE = Forecast(
    (EVIL,),
    ("head",),
    Trace(
        (Revision("add_vat", EVIL, EVIL, 0.1),),
        (_evil_statement(),),
        Failure("add_vat", EVIL, {"kind": "k", "message": EVIL, "hint": EVIL}, 65),
    ),
    Conditions({EVIL: Table(EVIL, 1, 1, 1.0, 1.0)}, (Obstacle(1, EVIL, 2.0, EVIL, (EVIL,)),)),
    (
        Hazard(EVIL, "danger", "add_vat", 1, EVIL, EVIL, EVIL, EVIL + "\n```\n</details>"),
        Hazard(EVIL, "caution", EVIL, None, EVIL, EVIL, EVIL, allowed=EVIL),
    ),
    Rehearsal(EVIL, EVIL),
    (EVIL,),
)
"""Every text that comes from others is evil."""
