"""Backfills: changes of rows in batches, outside a release's transaction."""
