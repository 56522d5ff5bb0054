"""Runs the command as a process, as a platform would, and reads what it said."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping, Sequence

TREES = Path(__file__).parent.parent / "trees"
KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "COVERAGE_PROCESS_START")


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Every line of standard output; each must be JSON."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def events(self) -> list[str]:
        """The events in their order."""
        return [line["event"] for line in self.lines]

    @property
    def report(self) -> dict[str, Any]:
        """The last line, which must be the only `run.finished`."""
        assert self.events.count("run.finished") == 1, self.stdout + self.stderr
        assert self.events[-1] == "run.finished"
        return self.lines[-1]

    @property
    def output(self) -> str:
        """Everything it printed."""
        return self.stdout + self.stderr

    def named(self, event: str) -> list[dict[str, Any]]:
        """Give the lines of one event."""
        return [line for line in self.lines if line["event"] == event]


class Process:
    """A run that is still going on."""

    def __init__(
        self,
        *arguments: str,
        cwd: Path,
        env: Mapping[str, str],
        program: Sequence[str] = ("-m", "migrator"),
    ) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, *program, *arguments],
            cwd=cwd,
            env={k: v for k, v in os.environ.items() if k in KEPT}
            | {"PYTHONDONTWRITEBYTECODE": "1"}
            | dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._heard: dict[str, list[str]] = {"stdout": [], "stderr": []}

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def until(self, event: str, of: str = "stdout") -> dict[str, Any]:
        """Read on to the next line of this event and give it."""
        heard = self._heard[of]
        for line in getattr(self._process, of):
            heard.append(line)
            if json.loads(line)["event"] == event:
                found: dict[str, Any] = json.loads(line)
                return found
        message = f"it ended without {event}: {''.join(heard)}"
        raise AssertionError(message)

    def kill(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def end(self, timeout_s: float = 120) -> Ended:
        """Wait for it."""
        stdout, stderr = self._process.communicate(timeout=timeout_s)
        before = {stream: "".join(lines) for stream, lines in self._heard.items()}
        return Ended(self._process.returncode, before["stdout"] + stdout, before["stderr"] + stderr)


def start(
    *arguments: str, tree: str | Path = "plain", url: str | None = None, **env: str
) -> Process:
    """Start the command in the folder of a tree, with this target and these variables."""
    target = {"MIGRATOR_DATABASE_URL": url} if url else {}
    return Process(*arguments, cwd=TREES / tree, env=target | env)


def run(*arguments: str, tree: str | Path = "plain", url: str | None = None, **env: str) -> Ended:
    """Run the command to its end."""
    return start(*arguments, tree=tree, url=url, **env).end()


def eventually(holds: Callable[[], bool], within_s: float = 60) -> None:
    """Wait until this holds; fail where it does not in time."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.05)
