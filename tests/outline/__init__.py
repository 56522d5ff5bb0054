"""What the files of a project prove, against what Alembic and the full run say of it."""
