"""Bring a database to its target, and verify it."""
