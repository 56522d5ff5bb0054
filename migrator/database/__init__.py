"""The server: reach it, ask it, lock it. Nothing here knows of Alembic."""
