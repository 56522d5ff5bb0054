"""The command line: one module for each group of commands, with the name of its use case."""
