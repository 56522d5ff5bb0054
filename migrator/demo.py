"""`migrator demo`: three runs of the real command, on an embedded Postgres, with the example."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING

from migrator.database.scratch.embedded import embedded
from migrator.settings.table import PREFIX, URL_VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGED = Path(__file__).parent / "example"
_CHECKOUT = Path(__file__).parent.parent
_BROKEN = '''
    """Make every order name a courier; it forgets to add the column first."""

    from alembic import op

    revision = "courier_required"
    down_revision = "{head}"


    def upgrade() -> None:
        op.execute("CREATE TABLE couriers (id bigint PRIMARY KEY, name text NOT NULL)")
        op.execute("ALTER TABLE orders ALTER COLUMN courier_id SET NOT NULL")


    def downgrade() -> None:
        op.execute("DROP TABLE couriers")
'''


@dataclass(frozen=True, slots=True)
class Scene:
    """One run of the demonstration."""

    title: str
    exit_code: int


_SCENES = (
    Scene("A first run: every revision, one after another, then the proof.", 0),
    Scene("The same again: nothing is pending.", 0),
    Scene("A release whose revision fails: the database stays as it was.", 65),
)


def run() -> int:
    """Show the three runs and give 0, or 70 where one did not end as it must."""
    with embedded() as url, _project() as project:
        codes = []
        for number, scene in enumerate(_SCENES, start=1):
            if scene.exit_code:
                _break(project)
            print(f"\n{number}. {scene.title}\n\n$ migrator run", flush=True)
            codes.append(_command(project, url))
            print(f"exit code {codes[-1]}", flush=True)
    return 0 if codes == [scene.exit_code for scene in _SCENES] else 70


def _command(project: Path, url: str) -> int:
    foreign = (*URL_VARIABLES, "AUTO_MIGRATE", "FLASK_APP", "ALEMBIC_CONFIG")
    kept = {k: v for k, v in os.environ.items() if not k.startswith((PREFIX, "PG"))}
    environment = {k: v for k, v in kept.items() if k not in foreign}
    environment |= {"MIGRATOR_DATABASE_URL": url, "MIGRATOR_LOG_FORMAT": "console"}
    line = [sys.executable, "-m", "migrator", "run"]
    return subprocess.run(line, cwd=project, env=environment, check=False).returncode  # noqa: S603


@contextmanager
def _project() -> Iterator[Path]:
    """Give a copy of the example project, which a scene may break."""
    source = _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT
    with tempfile.TemporaryDirectory(prefix="migrator-demo-") as home:
        shutil.copytree(source / "alembic", Path(home) / "alembic")
        shutil.copy(source / "alembic.ini", home)
        yield Path(home)


def _break(project: Path) -> None:
    """Add a revision that fails half way."""
    versions = project / "alembic" / "versions"
    head = max(versions.glob("*.py")).stem.split("_", 2)[2]
    text = dedent(_BROKEN).lstrip().format(head=head)
    (versions / "99999999_9999_courier_required.py").write_text(text, encoding="utf-8")
