"""The project as its files say, read without running them: no Alembic, no SQLAlchemy."""
