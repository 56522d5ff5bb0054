"""Restoring a backup: which one, its contents, and what it replaces."""
