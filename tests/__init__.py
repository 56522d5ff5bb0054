"""Sentences about behaviour, against a real Postgres."""
