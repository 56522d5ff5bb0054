"""The shape of a database: each thing in its schemas, and how Postgres itself writes it down."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrator.database.connection import fetch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg2.extensions import connection as Connection

_OURS = """
{schema}.nspname <> 'information_schema' AND {schema}.nspname NOT LIKE 'pg\\_%'
AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{catalog}'::regclass
                AND d.objid = {object}.oid AND d.deptype = 'e')
"""
_THINGS = {
    "column": """
SELECT n.nspname, c.relname || '.' || a.attname,
       concat_ws(' ', format_type(a.atttypid, a.atttypmod),
                 CASE WHEN a.attnotnull THEN 'NOT NULL' END,
                 a.attidentity, a.attgenerated, pg_get_expr(e.adbin, e.adrelid))
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attrdef e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c')
  AND c.relpersistence <> 't' AND {ours}
""",
    "constraint": """
SELECT n.nspname, c.relname || '.' || o.conname, pg_get_constraintdef(o.oid)
FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE o.contype <> 'n' AND {ours}
""",
    "index": """
SELECT n.nspname, c.relname, pg_get_indexdef(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_index i ON i.indexrelid = c.oid WHERE {ours}
""",
    "view": """
SELECT n.nspname, c.relname, pg_get_viewdef(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND {ours}
""",
    "sequence": """
SELECT n.nspname, c.relname, format_type(s.seqtypid, NULL)
FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {ours}
""",
    "trigger": """
SELECT n.nspname, c.relname || '.' || t.tgname, pg_get_triggerdef(t.oid)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND {ours}
""",
    "policy": """
SELECT n.nspname, c.relname || '.' || p.polname,
       concat_ws(' ', p.polcmd, pg_get_expr(p.polqual, p.polrelid))
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {ours}
""",
    "function": """
SELECT n.nspname, p.proname || '(' || pg_get_function_identity_arguments(p.oid) || ')',
       CASE WHEN p.prokind IN ('f', 'p') THEN pg_get_functiondef(p.oid) END
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE {ours_p}
""",
    "type": """
SELECT n.nspname, t.typname, concat_ws(' ', t.typtype, format_type(t.typbasetype, t.typtypmod),
       (SELECT string_agg(l.enumlabel, ',' ORDER BY l.enumsortorder)
        FROM pg_enum l WHERE l.enumtypid = t.oid))
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype IN ('e', 'd', 'r') AND {ours_t}
""",
}
_QUALIFIED = "SELECT set_config('search_path', 'pg_catalog', true)"
"""What Postgres writes down has a schema wherever the search path does not lead to it."""


def shape(connection: Connection) -> dict[str, str]:
    """Give the definition of each thing by its kind and name.

    Those of an extension are left out, and so are owners, privileges and comments.
    """
    named = {
        "ours": _OURS.format(schema="n", catalog="pg_class", object="c"),
        "ours_p": _OURS.format(schema="n", catalog="pg_proc", object="p"),
        "ours_t": _OURS.format(schema="n", catalog="pg_type", object="t"),
    }
    fetch(connection, _QUALIFIED)
    found = {}
    for kind, query in _THINGS.items():
        for schema, name, definition in fetch(connection, query.format(**named)):
            found[f"{kind} {schema}.{name}"] = definition or ""
    return found


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
