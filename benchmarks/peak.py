"""Runs a command and prints what it took: peak memory in KiB, seconds, and its exit code.

To be run by `python -I -S`, by its path. The kernel counts in `ru_maxrss` of a child also what
its parent had when it was started (getrusage(2) says so of exec). So the parent is this process,
which is smaller than any Python that runs a program.
"""

import json
import os
import sys
import time


def main() -> None:
    """Run the command of the arguments with its output thrown away."""
    quiet = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
    began = time.monotonic()
    process = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
    _, status, usage = os.wait4(process, 0)
    seconds, code = time.monotonic() - began, os.waitstatus_to_exitcode(status)
    print(json.dumps({"kib": usage.ru_maxrss, "seconds": seconds, "exit_code": code}))


if __name__ == "__main__":
    main()
