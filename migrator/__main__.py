"""Starts the command line, as `python -m migrator` and as the script `migrator`."""

from __future__ import annotations

from migrator.cli.fast import main

if __name__ == "__main__":
    main()
