"""`migrator repair`: find what is wrong with a version table, and fix it."""
