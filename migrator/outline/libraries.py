"""What a file may import: modules, and names in them, that are surely there.

Each is in every version that we support of Alembic (1.13 and later), of SQLAlchemy (1.4 and
later) and of Python's own library. The project's own modules, and all others, may fail.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrator.outline import installed
from migrator.outline.doubt import DoubtError

if TYPE_CHECKING:
    from collections.abc import Iterator

_TYPES = (
    "ARRAY BigInteger Boolean Date DateTime Enum Float Integer Interval JSON LargeBinary Numeric"
    " PickleType SmallInteger String Text Time TypeDecorator Unicode UnicodeText"
)
_SCHEMA = (
    "CheckConstraint Column Computed ForeignKey ForeignKeyConstraint Identity Index MetaData"
    " PrimaryKeyConstraint Sequence Table UniqueConstraint"
)
_EXPRESSIONS = (
    "and_ asc between bindparam case cast column delete desc distinct exists extract false func"
    " insert join literal literal_column not_ null or_ outerjoin select table text true tuple_"
    " type_coerce union union_all update values"
)

LIBRARIES = {
    "alembic": "context op",
    "sqlalchemy": f"{_TYPES} {_SCHEMA} {_EXPRESSIONS} create_engine engine_from_config exc"
    " inspect orm pool schema sql types",
    "sqlalchemy.dialects": "mysql postgresql sqlite",
    "sqlalchemy.dialects.postgresql": "ARRAY BIGINT BIT BOOLEAN BYTEA CHAR CIDR DATE DATERANGE"
    " DOUBLE_PRECISION ENUM ExcludeConstraint FLOAT HSTORE INET INT4RANGE INT8RANGE INTEGER"
    " INTERVAL JSON JSONB MACADDR MONEY NUMERIC NUMRANGE OID REAL REGCLASS SMALLINT TEXT TIME"
    " TIMESTAMP TSRANGE TSTZRANGE TSVECTOR UUID VARCHAR array insert",
    "sqlalchemy.engine": "Connection Engine URL create_engine engine_from_config make_url",
    "sqlalchemy.engine.reflection": "Inspector",
    "sqlalchemy.exc": "DBAPIError IntegrityError InternalError NoSuchTableError OperationalError"
    " ProgrammingError SQLAlchemyError",
    "sqlalchemy.ext.asyncio": "AsyncConnection AsyncEngine AsyncSession async_engine_from_config"
    " create_async_engine",
    "sqlalchemy.orm": "Session declarative_base relationship sessionmaker",
    "sqlalchemy.pool": "NullPool QueuePool StaticPool",
    "sqlalchemy.schema": f"{_SCHEMA} CreateTable DropTable",
    "sqlalchemy.sql": f"{_EXPRESSIONS} expression sqltypes",
    "sqlalchemy.types": _TYPES,
    "__future__": "annotations",
    "asyncio": "run",
    "base64": "b64decode b64encode",
    "collections": "Counter OrderedDict defaultdict namedtuple",
    "collections.abc": "Callable Iterable Iterator Mapping Sequence Set",
    "contextlib": "closing contextmanager nullcontext suppress",
    "copy": "copy deepcopy",
    "csv": "DictReader reader",
    "datetime": "date datetime time timedelta timezone",
    "decimal": "Decimal",
    "enum": "Enum IntEnum",
    "functools": "partial reduce",
    "io": "BytesIO StringIO",
    "itertools": "chain islice",
    "json": "dumps loads",
    "logging": "getLogger",
    "logging.config": "fileConfig",
    "math": "ceil floor",
    "operator": "attrgetter itemgetter",
    "os": "environ getenv path",
    "pathlib": "Path",
    "random": "choice randint",
    "re": "compile sub",
    "string": "ascii_letters digits",
    "sys": "argv stderr stdout",
    "textwrap": "dedent",
    "time": "monotonic perf_counter sleep time",
    "typing": "Any Callable Dict FrozenSet Iterable Iterator List Literal Mapping NamedTuple"
    " Optional Sequence Set TYPE_CHECKING Tuple Type TypeVar Union cast",
    "uuid": "UUID uuid1 uuid4 uuid5",
    "warnings": "warn",
}
"""Modules, and the names that may be imported from each."""

_ASYNCHRONOUS = "sqlalchemy.ext.asyncio"


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import has bound a name to."""

    dotted: str


def imported(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Imported]]:
    """Give the names that an import binds, and to what.

    Raises `DoubtError` where it may fail.
    """
    if isinstance(node, ast.Import):
        for alias in node.names:
            _known(alias.name)
            top = alias.name.partition(".")[0]
            yield alias.asname or top, Imported(alias.name if alias.asname else top)
        return
    module = node.module if node.module and not node.level else "."
    names = _known(module)
    for alias in node.names:
        if alias.name not in names:
            raise DoubtError(f"nobody knows {alias.name} of {module}")
        yield alias.asname or alias.name, Imported(f"{module}.{alias.name}")


def _known(module: str) -> list[str]:
    if module not in LIBRARIES:
        raise DoubtError(f"importing {module} may fail")
    if module == _ASYNCHRONOUS and not _asynchronous():
        raise DoubtError(f"{module} needs SQLAlchemy 2 and greenlet")
    return LIBRARIES[module].split()


def _asynchronous() -> bool:
    return installed.version("sqlalchemy") >= (2, 0) and installed.has("greenlet")
