"""Where a database stands: status, wait, and the history of its runs."""
