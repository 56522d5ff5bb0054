"""The project's revisions, run on a database of our own."""
