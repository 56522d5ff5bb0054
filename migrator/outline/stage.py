"""What env.py may import and use, and what stands there for it."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from migrator.handover import OPTION
from migrator.outline import target
from migrator.outline.doubt import DoubtError
from migrator.outline.libraries import Imported
from migrator.outline.stand_ins import NULL_POOL, AsynchronousEngine, Engine, Loop, Metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from migrator.outline.context import Context, Environ
    from migrator.settings.address import Address


def stage(
    context: Context, variables: Environ, address: Address, environ: Mapping[str, str]
) -> Mapping[str, object]:
    """Give what stands for each thing, by its whole name."""
    reaches = partial(target.check, address=address, environ=environ)
    create = partial(_engine, Engine, reaches)
    create_asynchronous = partial(_engine, AsynchronousEngine, reaches)
    configured, configured_asynchronous = (
        partial(_engine_of_section, made) for made in (create, create_asynchronous)
    )
    return {
        "alembic.context": context,
        "asyncio.run": Loop().run,
        "logging.config.fileConfig": context.config.file_config,
        "os.environ": variables,
        "os.getenv": variables.get,
        "re.sub": _substituted,
        "sqlalchemy.MetaData": Metadata,
        "sqlalchemy.create_engine": create,
        "sqlalchemy.engine.create_engine": create,
        "sqlalchemy.engine.engine_from_config": configured,
        "sqlalchemy.engine_from_config": configured,
        "sqlalchemy.ext.asyncio.async_engine_from_config": configured_asynchronous,
        "sqlalchemy.ext.asyncio.create_async_engine": create_asynchronous,
        "sqlalchemy.pool": Imported("sqlalchemy.pool"),
        "sqlalchemy.pool.NullPool": NULL_POOL,
        "sqlalchemy.schema.MetaData": Metadata,
    }


def _engine(
    kind: type[Engine], reaches: Callable[..., None], url: str, *, poolclass: object = NULL_POOL
) -> Engine:
    """Stand for `create_engine` and its asynchronous kin."""
    if poolclass is not NULL_POOL:
        raise DoubtError("its engine has a pool of its own")
    reaches(url, asynchronous=kind.asynchronous)
    return kind()


def _engine_of_section(
    create: Callable[..., Engine],
    configuration: Mapping[str, str],
    prefix: str = "sqlalchemy.",
    **options: object,
) -> Engine:
    """Stand for `engine_from_config` and its asynchronous kin."""
    others = [name for name in configuration if name.startswith("sqlalchemy.") and name != OPTION]
    if prefix != "sqlalchemy." or others:
        raise DoubtError("its engine is made of other options")
    return create(configuration[OPTION], **options)


def _substituted(pattern: str, repl: str, string: str) -> str:
    """Stand for `re.sub`."""
    if not isinstance(repl, str):
        raise DoubtError("it substitutes by a function")
    return re.sub(pattern, repl, string)
