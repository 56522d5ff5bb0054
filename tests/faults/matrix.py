"""What each fault does to a run at each step: what the tests assert, and the table in the docs.

`python -m tests.faults.matrix` prints the table.
"""

from __future__ import annotations

from dataclasses import dataclass

PHASES = {
    "connecting": "connecting",
    "waiting": "waiting for the lock",
    "preflight": "preflight",
    "first": "first revision",
    "between": "between revisions",
    "index": "concurrent index build",
    "proof": "proof",
}
FAULTS = {
    "kill": "SIGKILL",
    "term": "SIGTERM",
    "stop": "SIGSTOP, then SIGCONT",
    "deaf": "the network goes silent",
    "reset": "the connections are reset",
    "restart": "Postgres is restarted at once",
    "crash": "Postgres crashes and recovers",
    "full": "the disk is full",
    "holder": "the lock's holder is terminated",
    "cancel": "the statement is cancelled",
}


@dataclass(frozen=True)
class Ending:
    """The exit code, and what the last line says of the database; None where there is none."""

    exit_code: int
    state: str | None

    def __str__(self) -> str:
        """Give a cell of the table."""
        return f"{self.exit_code}, {self.state}" if self.state else "killed"


KILLED = Ending(-9, None)
DONE = Ending(0, "migrated")
EXPECTED: dict[str, dict[str, Ending]] = {
    "kill": dict.fromkeys(PHASES, KILLED),
    "term": {
        **dict.fromkeys(("connecting", "waiting", "preflight", "first"), Ending(143, "unchanged")),
        **dict.fromkeys(("between", "index"), Ending(143, "partially_migrated")),
        "proof": Ending(143, "unknown"),
    },
    "stop": dict.fromkeys(PHASES, DONE),
    "deaf": {
        **dict.fromkeys(("connecting", "waiting"), Ending(69, "unchanged")),
        **dict.fromkeys(("preflight", "first", "between", "index", "proof"), Ending(69, "unknown")),
    },
    "reset": {
        **dict.fromkeys(("connecting", "proof"), DONE),
        **dict.fromkeys(("waiting", "preflight", "first"), Ending(69, "unchanged")),
        **dict.fromkeys(("between", "index"), Ending(69, "partially_migrated")),
    },
    "restart": {
        **dict.fromkeys(("connecting", "proof"), DONE),
        **dict.fromkeys(("waiting", "preflight", "first"), Ending(69, "unchanged")),
        **dict.fromkeys(("between", "index"), Ending(69, "partially_migrated")),
    },
    "crash": {
        **dict.fromkeys(("connecting", "proof"), DONE),
        **dict.fromkeys(("waiting", "preflight", "first"), Ending(69, "unchanged")),
        **dict.fromkeys(("between", "index"), Ending(69, "partially_migrated")),
    },
    "full": {
        **dict.fromkeys(("connecting", "waiting", "preflight", "first"), Ending(65, "unchanged")),
        **dict.fromkeys(("between", "index"), Ending(65, "partially_migrated")),
        "proof": DONE,
    },
    "holder": {
        **dict.fromkeys(("connecting", "waiting", "proof"), DONE),
        **dict.fromkeys(("preflight", "first"), Ending(69, "unchanged")),
        **dict.fromkeys(("between", "index"), Ending(69, "partially_migrated")),
    },
    "cancel": {
        **dict.fromkeys(("connecting", "waiting", "between", "proof"), DONE),
        **dict.fromkeys(("preflight", "first"), Ending(65, "unchanged")),
        "index": Ending(65, "partially_migrated"),
    },
}


def table() -> str:
    """Give the table of the docs."""
    lines = [
        f"| | {' | '.join(PHASES.values())} |",
        f"| --- |{' --- |' * len(PHASES)}",
        *(
            f"| {name} | {' | '.join(str(EXPECTED[fault][phase]) for phase in PHASES)} |"
            for fault, name in FAULTS.items()
        ),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(table(), end="")  # noqa: T201 - what the command is for
