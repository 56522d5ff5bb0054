"""The process itself and its children: signals, programs, exit codes."""
