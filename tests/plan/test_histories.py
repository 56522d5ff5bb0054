"""Histories that were not written for the hazards: the example's, optuna's and jupyterhub's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.revisions import planned
from migrator.plan import plan
from migrator.settings import load
from tests.docs.markdown import ROOT
from tests.project.test_histories import JUPYTERHUB_0_5, jupyterhub, optuna

if TYPE_CHECKING:
    from pathlib import Path

    from migrator.plan.forecast import Forecast
    from tests.support.servers import Database

pytestmark = pytest.mark.slow

__all__ = ["jupyterhub", "optuna"]  # fixtures


def from_base(folder: Path) -> Forecast:
    flags = {"config": str(folder / "alembic.ini"), "database_url": "postgresql://no/no"}
    settings, _ = load.read(flags, {})
    return plan.from_base(settings)


def found_in(forecast: Forecast) -> set[tuple[str, str]]:
    return {(h.revision, h.code) for h in forecast.hazards if h.allowed is None}


def test_the_example_shows_safe_patterns_and_says_so_where_it_contracts() -> None:
    found = from_base(ROOT)
    assert found_in(found) == {
        ("demo_rows", "bulk-data-change"),
        ("status_refunded", "no-downgrade"),
        ("total_cents_copy", "no-downgrade"),
        ("total_contract", "drop-column"),
    }
    assert found.warnings == ()


def test_optunas_history_is_danger_where_it_locks_and_reads(
    optuna: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(optuna)  # its ini file names its folder from here
    found = from_base(optuna)
    assert found.trace.failure is None
    assert found_in(found) >= {
        ("v2.4.0.a", "lock-held-across-statements"),
        ("v2.4.0.a", "drop-column"),
        ("v3.0.0.b", "not-null-full-scan"),
        ("v3.0.0.c", "column-required"),
        ("v3.2.0.a", "index-not-concurrent"),
    }
    harmless = {"v0.9.0.a", "v1.2.0.a", "v1.3.0.a", "v3.0.0.a"}
    assert not harmless & {revision for revision, _ in found_in(found)}


def test_jupyterhubs_history_fails_where_a_run_of_it_does(
    jupyterhub: Path, database: Database
) -> None:
    database.rows(JUPYTERHUB_0_5)
    found = planned(jupyterhub, database.url)
    assert found_in(found) == {
        ("3ec6993fe20c", "drop-table"),
        ("3ec6993fe20c", "drop-column"),
        ("99a28a4418e1", "fails"),
    }
