"""The folder of small revisions, what each must get, and the target they are planned for."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from migrator.plan import plan
from migrator.settings import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrator.plan.forecast import Forecast

FOLDER = Path(__file__).parent.parent / "tests" / "plan" / "revisions"
_EXPECTS = re.compile(r"# expects (?P<verdict>\w+)(?:: (?P<hazards>.+))?\n")
_INI = """
[alembic]
script_location = %(here)s
path_separator = os
"""
_ENV = """
from alembic import context
from sqlalchemy import engine_from_config, pool

config = context.config
engine = engine_from_config(
    config.get_section(config.config_ini_section, {}), poolclass=pool.NullPool
)

with engine.connect() as connection:
    context.configure(connection=connection, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()
"""
_BASE = '''
"""What is in production."""

revision = "production"
down_revision = None


def upgrade():
    pass
'''
IN_PRODUCTION = """
CREATE TYPE mood AS ENUM ('glad', 'calm');
CREATE TABLE labels (
    id integer PRIMARY KEY, name varchar(20), colour text, weight integer, mood mood
);
INSERT INTO labels SELECT n, 'label ' || n, 'red', n, 'calm' FROM generate_series(1, 100) n;
CREATE TABLE customers (id bigint PRIMARY KEY, name text, region integer);
INSERT INTO customers SELECT n, 'customer ' || n, n % 7 FROM generate_series(1, 50000) n;
CREATE TABLE orders (
    id bigint, ref bigint, customer bigint, label integer, note varchar(50), amount integer,
    total numeric(10, 2), paid boolean DEFAULT false, code text NOT NULL DEFAULT '', made timestamp
);
INSERT INTO orders SELECT n, n, n % 50000 + 1, n % 100 + 1, 'note', n % 900 + 1, 1, false, '',
    '2026-01-01' FROM generate_series(1, {rows}) n;
ALTER TABLE orders ADD PRIMARY KEY (id);
CREATE UNIQUE INDEX orders_ref_idx ON orders (ref);
ALTER TABLE orders ADD CONSTRAINT orders_customer_check CHECK (customer IS NOT NULL);
ALTER TABLE orders ADD CONSTRAINT orders_amount_check CHECK (amount > 0) NOT VALID;
ALTER TABLE orders ADD CONSTRAINT orders_customer_fkey FOREIGN KEY (customer) REFERENCES customers
    NOT VALID;
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE VIEW unpaid AS SELECT id FROM orders WHERE NOT paid;
CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
INSERT INTO alembic_version VALUES ('production');
ANALYZE;
"""
LARGE = 1_200_000


@dataclass(frozen=True)
class Case:
    """A revision of the folder, and what it must get."""

    file: Path
    verdict: str
    hazards: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its revision's name."""
        return self.file.stem


def cases() -> list[Case]:
    """Give all of them."""
    return [_case(file) for file in sorted(FOLDER.glob("*.py"))]


def _case(file: Path) -> Case:
    found = _EXPECTS.match(file.read_text(encoding="utf-8"))
    assert found, f"{file} does not say what it expects"
    hazards = found["hazards"]
    return Case(file, found["verdict"], tuple(hazards.split(", ")) if hazards else ())


def fill(execute: Callable[[str], object], rows: int = LARGE) -> None:
    """Give a new database a large table, one of 50,000 rows and a small one."""
    execute(IN_PRODUCTION.format(rows=rows))
    execute("SELECT pg_sleep(0.5)")  # what was counted until now comes in a little later
    execute("SELECT pg_stat_reset()")  # nobody uses the tables


def release(folder: Path, case: Case, env_py: str = _ENV) -> Path:
    """Make a project in which this revision is pending."""
    versions = folder / "versions"
    versions.mkdir(parents=True)
    (folder / "alembic.ini").write_text(_INI.lstrip())
    (folder / "env.py").write_text(env_py.lstrip())
    (versions / "production.py").write_text(_BASE)
    shutil.copy(case.file, versions)
    return folder


def planned(folder: Path, url: str) -> Forecast:
    """Give the plan of a project for the database of this URL."""
    flags = {"config": str(folder / "alembic.ini"), "database_url": url}
    settings, _ = load.read(flags, {})
    return plan.forecast(settings, plan.PlanRequest())
