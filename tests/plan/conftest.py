"""Fixtures for plans: pg_dump and pg_restore of the server's own major version are on the PATH."""

from __future__ import annotations

import pytest

from tests.support.backups import path


@pytest.fixture(autouse=True)
def _programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", path())
