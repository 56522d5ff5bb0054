"""The gate: MIGRATOR_MAX_RISK keeps a run from beginning."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.plan.releases import ENV, in_production, project, revise
from tests.support.backups import path
from tests.support.command import run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Database

DROPS = "op.drop_column('orders', 'note')"


@pytest.fixture
def release(tmp_path: Path, database: Database) -> Path:
    folder = project(tmp_path / "p")
    in_production(folder, database, "CREATE TABLE orders (id bigint, note text)")
    return folder


def test_above_the_limit_nothing_is_applied(release: Path, database: Database) -> None:
    revise(release, DROPS)
    ended = run("run", tree=release, url=database.url, MIGRATOR_MAX_RISK="caution", PATH=path())
    assert (ended.exit_code, ended.report["outcome"]) == (79, "refused")
    assert ended.report["error"]["kind"] == "policy"
    assert "drop-column" in ended.report["error"]["message"]
    assert ended.report["database_state"] == "unchanged"
    assert "lock.acquired" not in ended.events
    assert database.revisions() == ["r1"]


def test_what_its_author_accepts_is_applied(release: Path, database: Database) -> None:
    revise(release, f"# migrator: allow drop-column because nobody reads it\n{DROPS}", "pass")
    accepted = "# migrator: allow no-downgrade because it holds nothing\n"
    file = release / "versions" / "r2.py"
    file.write_text(accepted + file.read_text())
    ended = run("run", tree=release, url=database.url, MIGRATOR_MAX_RISK="safe", PATH=path())
    assert ended.exit_code == 0, ended.output
    assert database.revisions() == ["r2"]


def test_below_the_limit_the_log_is_that_of_any_run(release: Path, database: Database) -> None:
    revise(
        release,
        "op.add_column('orders', sa.Column('vat', sa.Integer))",
        "op.drop_column('orders', 'vat')",
    )
    ended = run("run", tree=release, url=database.url, MIGRATOR_MAX_RISK="safe", PATH=path())
    assert ended.exit_code == 0, ended.output
    assert ended.events.count("database.connected") == 1
    assert ended.events.count("project.loaded") == 1
    assert database.revisions() == ["r2"]


def test_where_nothing_is_pending_nothing_is_rehearsed(release: Path, database: Database) -> None:
    ended = run("run", tree=release, url=database.url, MIGRATOR_MAX_RISK="safe", PATH="/nowhere")
    assert (ended.exit_code, ended.report["outcome"]) == (0, "up_to_date")


def test_a_limit_that_cannot_be_seen_to_is_not_passed_over(
    release: Path, database: Database
) -> None:
    revise(release, "op.add_column('orders', sa.Column('vat', sa.Integer))")
    url = database.url.replace("postgresql:", "postgresql+psycopg2:")
    fixed = (
        ENV[: ENV.index("engine =")]
        + f"""
from sqlalchemy import create_engine
engine = create_engine({url!r}, poolclass=pool.NullPool)
"""
        + ENV[ENV.index("with engine") :]
    )
    (release / "env.py").write_text(fixed.lstrip())
    ended = run("run", tree=release, url=database.url, MIGRATOR_MAX_RISK="caution", PATH=path())
    assert ended.exit_code == 78
    assert "connects to the target itself" in ended.report["error"]["message"]
    assert database.revisions() == ["r1"]
    ended = run("run", tree=release, url=database.url, MIGRATOR_MAX_RISK="danger")
    assert ended.exit_code == 0, ended.output
