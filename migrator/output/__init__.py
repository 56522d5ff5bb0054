"""What a person or a collector of logs reads: the log, the report, and their text."""
