"""`migrator check`: the project's revisions, tried on a database of our own."""
