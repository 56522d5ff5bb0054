"""Waits where HOLD says: until the table let_go has a row, or until a file is there."""

import os
import time
from pathlib import Path

runs_of_env_py = 0

UNTIL_LET_GO = """
DO $$ BEGIN
    WHILE NOT EXISTS (SELECT FROM let_go) LOOP PERFORM pg_sleep(0.05); END LOOP;
END $$
"""


def held(place: str) -> bool:
    return os.environ.get("HOLD") == place


def wait_for_file(place: str) -> None:
    while held(place) and not Path(os.environ["HOLD_UNTIL"]).exists():
        time.sleep(0.05)
