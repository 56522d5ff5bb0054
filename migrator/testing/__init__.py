"""The tests that every Alembic project should have, for an application's own suite.

`from migrator.testing import *` in a test module brings them all; the plugin has the fixtures.
"""

from __future__ import annotations

from migrator.testing.standard import (
    test_migrations_go_up_down_and_up,
    test_migrations_hold_no_hazard_above_the_limit,
    test_migrations_make_what_the_models_say,
    test_there_is_one_head,
)

__all__ = [
    "test_migrations_go_up_down_and_up",
    "test_migrations_hold_no_hazard_above_the_limit",
    "test_migrations_make_what_the_models_say",
    "test_there_is_one_head",
]
