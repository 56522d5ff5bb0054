"""A rehearsal, and everything that Postgres was asked in it."""
