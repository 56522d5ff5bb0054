"""What ends a reading: the files alone do not prove the answer."""

from __future__ import annotations


class DoubtError(Exception):
    """Something without a certain meaning was met; only running the project can tell."""
