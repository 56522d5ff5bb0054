"""The user's Alembic project: find it, run its own env.py, judge the result. Alembic is here."""
