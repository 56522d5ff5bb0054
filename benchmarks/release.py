"""What a release costs, ours and Alembic's, in one run; writes docs/reference/benchmarks.md.

Where sections are named, it measures these alone and prints them. `--quick` does little, to see
that all of it works, and prints what it found.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time

from benchmarks.bench import QUICK, Extent
from benchmarks.page import LOCKS, PAGE, SECTIONS, measured
from benchmarks.server import own_server


def main() -> None:
    """Measure; write the page, or print it where it is not the whole."""
    if not shutil.which("hyperfine"):
        raise SystemExit("make bench needs hyperfine (Debian: apt-get install hyperfine)")
    asked = _arguments()
    began = time.monotonic()
    with own_server(max_locks_per_transaction=LOCKS) as server:
        page = measured(server, QUICK if asked.quick else Extent(), asked.sections or [*SECTIONS])
    if not (asked.quick or asked.sections):
        PAGE.write_text(page, encoding="utf-8")
    print(page)
    print(f"{(time.monotonic() - began) / 60:.1f} min", file=sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"of {', '.join(SECTIONS)}")
    parser.add_argument("--quick", action="store_true", help="few runs of little; prints only")
    asked = parser.parse_args()
    if unknown := set(asked.sections) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    return asked


if __name__ == "__main__":
    main()
