"""Safer ways as code for the body of an upgrade(), with the names of the target.

Where it takes more than one revision, a line of `NEXT` or `LATER` stands between them.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migrator.plan.trace.trace import Change

NEXT = "# --- in the next revision ---"
LATER = "# --- in a later release ---"
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_BIND = re.compile(r"(?<![:\w]):(?=\w)")
"""What SQLAlchemy's text() would take for a parameter; it takes `\\:` for a colon."""
_KEY = re.compile(r"(PRIMARY KEY|UNIQUE) (\(.+\))")
_WITHOUT_EQUALITY = {"json", "xml", "point", "polygon"}
"""Types whose values no `=` compares (PostgreSQL documentation, "Data Types"): their texts are."""
_KINDS = {
    "r": "TABLE",
    "p": "TABLE",
    "v": "VIEW",
    "m": "MATERIALIZED VIEW",
    "f": "FOREIGN TABLE",
}
_BATCHES = '''
with op.get_context().autocommit_block():
    connection, changed = op.get_bind(), 1
    while changed:  # a thousand rows at a time, each batch committed by itself
        changed = connection.exec_driver_sql("""
            UPDATE {table} SET {column} = {value}
            WHERE ctid = ANY (ARRAY(
                SELECT ctid FROM {table} WHERE {column} IS NULL LIMIT 1000))
        """).rowcount
'''
_IN_STEP = '''
op.execute("""
    ALTER TABLE {table} ADD COLUMN {new} {type}
""")
op.execute("""
    CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NEW.{old}{old_as} IS DISTINCT FROM OLD.{old}{old_as} THEN
            NEW.{new} = NEW.{old};
        ELSIF NEW.{new}{new_as} IS DISTINCT FROM OLD.{new}{new_as} THEN
            NEW.{old} = NEW.{new};
        END IF;
        RETURN NEW;
    END $$
""")
op.execute("""
    CREATE TRIGGER {function} BEFORE INSERT OR UPDATE ON {table}
    FOR EACH ROW EXECUTE FUNCTION {function}()
""")
'''


def volatile_default(change: Change) -> str:
    """Give a column whose default comes after it; nothing for one that is computed."""
    value = change.detail["default"]
    if value is None or change.detail["generated"]:
        return ""
    table, column = change.table, _quoted(change.name)
    return _lines(
        _sql(f"ALTER TABLE {table} ADD COLUMN {column} {change.after}"),
        _sql(f"ALTER TABLE {table} ALTER COLUMN {column} SET DEFAULT {value}"),
        NEXT,
        _BATCHES.format(table=table, column=column, value=value).strip(),
    )


def not_null(change: Change) -> str:
    """Give the three steps to NOT NULL."""
    table, column = change.table, _quoted(change.name)
    check = _quoted(f"{_bare(table)}_{change.name}_is_set")  # not Postgres 18's own name
    proof = f"ADD CONSTRAINT {check} CHECK ({column} IS NOT NULL) NOT VALID"
    return _lines(
        _sql(f"ALTER TABLE {table} {proof}"),
        NEXT,
        _sql(f"ALTER TABLE {table} VALIDATE CONSTRAINT {check}"),
        NEXT,
        _sql(f"ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL"),
        _sql(f"ALTER TABLE {table} DROP CONSTRAINT {check}"),
    )


def constraint(change: Change) -> str:
    """Give the two steps to a constraint."""
    table, name = change.table, _quoted(change.name)
    return _lines(
        _sql(f"ALTER TABLE {table} ADD CONSTRAINT {name} {change.after} NOT VALID"),
        NEXT,
        _sql(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}"),
    )


def index(change: Change) -> str:
    """Give the same index, built beside the writers."""
    made = re.sub(r"\bINDEX\b", "INDEX CONCURRENTLY", change.after or "", count=1)
    return _outside(made)


def unique(change: Change) -> str:
    """Give the index beside the writers, and the constraint that is made of it."""
    key = _KEY.fullmatch(change.after or "")
    if key is None:
        return ""
    table, name = change.table, _quoted(change.name)
    return _lines(
        _outside(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} {key[2]}"),
        NEXT,
        _sql(f"ALTER TABLE {table} ADD CONSTRAINT {name} {key[1]} USING INDEX {name}"),
    )


def drop_table(change: Change) -> str:
    """Give the drop with the words that accept it."""
    return _lines(
        _accepting("drop-table"), _sql(f"DROP {_KINDS[change.detail['kind']]} {change.table}")
    )


def drop_column(change: Change) -> str:
    """Give the drop with the words that accept it."""
    dropped = f"ALTER TABLE {change.table} DROP COLUMN {_quoted(change.name)}"
    return _lines(_accepting("drop-column"), _sql(dropped))


def rename_table(change: Change) -> str:
    """Give the new name, and a view under the old one."""
    new = (change.after or "").rpartition(".")[2]
    return _lines(
        _sql(f"ALTER TABLE {change.table} RENAME TO {new}"),
        _sql(f"CREATE VIEW {change.table} AS TABLE {change.after}"),
    )


def new_column(change: Change, name: str, type_: str) -> str:
    """Give a column beside the one that is to change, and the trigger between them."""
    function = _quoted(f"{_bare(change.table)}_{change.name}_in_step")
    names = {"old": _quoted(change.name), "new": _quoted(name), "function": function}
    before = change.before if change.kind == "column_type" else type_
    casts = {"old_as": _as_comparable(before or ""), "new_as": _as_comparable(type_)}
    return _IN_STEP.format(table=change.table, type=type_, **names, **casts).strip()


def _as_comparable(type_: str) -> str:
    return "::text" if type_.removesuffix("[]") in _WITHOUT_EQUALITY else ""


def optional_column(change: Change) -> str:
    """Give the column without its NOT NULL."""
    added = f"ADD COLUMN {_quoted(change.name)} {change.after}"
    return _sql(f"ALTER TABLE {change.table} {added}") if change.kind == "column_added" else ""


def batches(table: str) -> str:
    """Give a change of many rows, a thousand at a time."""
    return _BATCHES.format(table=table, column="the_column", value="the_value").strip()


def new_enum_value() -> str:
    """Give a value of an enum that is committed at once."""
    return _outside("ALTER TYPE the_type ADD VALUE IF NOT EXISTS 'the value'")


def _accepting(code: str) -> str:
    return f"{LATER}\n# migrator: allow {code} because no release in use names it any more"


def _outside(statement: str) -> str:
    return f"with op.get_context().autocommit_block():\n    {_sql(statement)}"


def _sql(statement: str) -> str:
    """Give a line of Alembic code that runs a statement."""
    escaped = _BIND.sub(r"\\:", statement)
    return f"op.execute({json.dumps(escaped, ensure_ascii=False)})"


def _lines(*lines: str) -> str:
    return "\n".join(lines)


def _quoted(name: str) -> str:
    """Give a name as SQL has it."""
    return name if _PLAIN.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def _bare(table: str) -> str:
    return table.rpartition(".")[2].strip('"')
