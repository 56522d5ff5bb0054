"""Postgres's own programs: pg_dump, pg_restore, and what runs them."""
