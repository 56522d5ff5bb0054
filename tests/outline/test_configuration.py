"""How a project may be described: what is proven, the full path finds; what differs is doubted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from migrator.outline import installed
from tests.outline.project import REVISION, found, proven, template, write
from tests.test_projects import needs_toml

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers import Database

ENV = {"db/env.py": template("generic", "env.py")}
INI = "[alembic]\nscript_location = db\n"
STOCK = template("generic", "alembic.ini.mako")
LOGGING = STOCK[STOCK.index("[loggers]") :]
TOML = '[tool.alembic]\nscript_location = "%(here)s/db"\n'

ORDINARY = {
    "a folder relative to the working directory": {"alembic.ini": INI},
    "a folder relative to the file": {"alembic.ini": INI.replace("db", "%(here)s/db")},
    "folders by spaces": {"alembic.ini": f"{INI}version_locations = db/versions db/nowhere\n"},
    "folders by the same separator for all": {
        "alembic.ini": f"{INI}version_locations = %(here)s/db/versions:%(here)s/x\n"
        "path_separator = :\nversion_path_separator = :\n"
    },
    "folders in folders": {
        "alembic.ini": f"{INI}recursive_version_locations = true\n",
        "db/versions/2026/r3.py": REVISION.format(id="r3", parent="r2"),
    },
    "the same folder twice": {"alembic.ini": f"{INI}version_locations = db/versions db/versions\n"},
    "no folders": {"alembic.ini": f"{INI}version_locations =\n"},
    "defaults": {"alembic.ini": f"[DEFAULT]\nhere = .\n{INI.replace('db', '%(here)s/db')}"},
    "hooks": {"alembic.ini": f"{INI}[post_write_hooks]\nhooks = a\na.x = %(here)s/y\n"},
    "a file of another tool beside it": {"alembic.ini": INI, "pyproject.toml": "[tool.ruff]\n"},
    "a number": {"alembic.ini": f"{INI}truncate_slug_length = 20\n"},
}
IN_TOML = {
    "an empty list in the ini file": {
        "alembic.ini": "[alembic]\nversion_locations =\nprepend_sys_path =\n",
        "pyproject.toml": f'{TOML}version_locations = ["db/more"]\n',
        "db/more/r0.py": REVISION.format(id="r0", parent=None),
    },
    "no ini file": {"pyproject.toml": TOML},
    "an ini file beside it": {"alembic.ini": "[alembic]\n", "pyproject.toml": TOML},
    "an ini file of other sections beside it": {"alembic.ini": "[x]\n", "pyproject.toml": TOML},
    "an ini file that wins": {"alembic.ini": INI, "pyproject.toml": TOML.replace("db", "nowhere")},
    "lists": {
        "pyproject.toml": f'{TOML}version_locations = ["%(here)s/db/versions"]\n'
        'prepend_sys_path = ["."]\nrecursive_version_locations = true\n'
    },
    "hooks": {"pyproject.toml": f'{TOML}[[tool.alembic.post_write_hooks]]\nname = "ruff"\n'},
    "a template of file names": {"pyproject.toml": f'{TOML}file_template = "%%(rev)s"\n'},
}
DOUBTED = {
    "nothing": {},
    "no section": {"alembic.ini": "[other]\nscript_location = db\n"},
    "no section but defaults": {"alembic.ini": INI.replace("alembic", "DEFAULT")},
    "no folder": {"alembic.ini": "[alembic]\n"},
    "an option of the project's own": {"alembic.ini": f"{INI}mine = 1\n"},
    "an option of the engine": {"alembic.ini": f"{INI}sqlalchemy.echo = true\n"},
    "unknown defaults": {"alembic.ini": f"[DEFAULT]\nx = 1\n{INI}"},
    "another alphabet": {"alembic.ini": f"# ä\n{INI}"},
    "folders that depend on the version": {
        "alembic.ini": f"{INI}version_locations = db/versions:db/more\npath_separator = :\n"
    },
    "a package of revisions": {
        "alembic.ini": f"{INI}version_locations = db/versions nowhere:more\n"
    },
    "a package": {"alembic.ini": "[alembic]\nscript_location = db:env\n"},
    "a roundabout way": {"alembic.ini": "[alembic]\nscript_location = db/../db\n"},
    "a roundabout way to the revisions": {
        "alembic.ini": f"{INI}version_locations = db/../db/versions\n"
    },
    "a text as a number": {"alembic.ini": f"{INI}truncate_slug_length = many\n"},
    "an open percent sign": {"alembic.ini": f"{INI}file_template = %(rev)s\n"},
    "an open percent sign in a hook": {"alembic.ini": f"{INI}[post_write_hooks]\nx = %\n"},
    "revisions without source": {"alembic.ini": f"{INI}sourceless = true\n"},
    "Flask-Migrate": {"alembic.ini": INI, "env.py": "from flask import current_app"},
}
DOUBTED_IN_TOML = {
    "another table": {"pyproject.toml": "[tool.ruff]\n"},
    "no TOML": {"alembic.ini": INI, "pyproject.toml": "["},
    "an option of the project's own": {"pyproject.toml": f"{TOML}mine = 1\n"},
    "a path as a text": {"pyproject.toml": f'{TOML}prepend_sys_path = "."\n'},
    "a path of numbers": {"pyproject.toml": f"{TOML}prepend_sys_path = [1]\n"},
    "folders as a text": {"pyproject.toml": f'{TOML}version_locations = "db/versions"\n'},
    "a text as a truth": {"pyproject.toml": f'{TOML}recursive_version_locations = "true"\n'},
    "a number as a truth": {"pyproject.toml": f"{TOML}recursive_version_locations = 1\n"},
    "a folder as a number": {"pyproject.toml": "[tool.alembic]\nscript_location = 1\n"},
    "a text as a number": {"pyproject.toml": f'{TOML}truncate_slug_length = "many"\n'},
    "a hook without a name": {"pyproject.toml": f"{TOML}[[tool.alembic.post_write_hooks]]\n"},
    "an open percent sign": {"pyproject.toml": f'{TOML}file_template = "%(rev)s"\n'},
    "an open percent sign in a hook": {
        "pyproject.toml": f'{TOML}[[tool.alembic.post_write_hooks]]\nname = "a"\nx = "%(y)s"\n'
    },
    "no table": {"pyproject.toml": "[tool]\nalembic = 1\n"},
    "revisions without source": {"pyproject.toml": f"{TOML}sourceless = true\n"},
}


def check(folder: Path, database: Database, **flags: str) -> None:
    outline, plan = proven(folder, database.url, **flags), found(folder, database.url, **flags)
    assert outline is not None
    assert plan is not None
    assert (outline.head,) == plan.destination
    assert (outline.table,) == plan.tables


@pytest.mark.parametrize("description", ORDINARY)
def test_an_ordinary_description_is_read(
    description: str, tmp_path: Path, database: Database
) -> None:
    write(tmp_path, ENV | {"alembic.ini": ""} | ORDINARY[description])
    if (tmp_path / "alembic.ini").stat().st_size:
        (tmp_path / "alembic.ini").open("a").write(LOGGING)
    check(tmp_path, database)


@needs_toml
@pytest.mark.parametrize("description", IN_TOML)
def test_an_ordinary_description_in_toml_is_read(
    description: str, tmp_path: Path, database: Database
) -> None:
    env = ENV["db/env.py"].replace("    fileConfig", "    pass  # ")
    write(tmp_path, {"db/env.py": env} | IN_TOML[description])
    check(tmp_path, database)


@pytest.mark.parametrize("description", DOUBTED)
def test_an_unusual_description_is_doubted(description: str, tmp_path: Path) -> None:
    doubted(tmp_path, DOUBTED[description])


@needs_toml
@pytest.mark.parametrize("description", DOUBTED_IN_TOML)
def test_an_unusual_description_in_toml_is_doubted(description: str, tmp_path: Path) -> None:
    doubted(tmp_path, DOUBTED_IN_TOML[description])


def doubted(folder: Path, described: dict[str, str]) -> None:
    env = ENV["db/env.py"].replace("    fileConfig", "    pass  # ")
    write(folder, {"db/env.py": env} | described)
    assert proven(folder, "postgresql://u@h/d") is None
    if set(described) <= {"alembic.ini", "pyproject.toml", "env.py"}:
        for name in described:
            (folder / name).unlink()
        (folder / "alembic.ini").write_text(INI)
        assert proven(folder, "postgresql://u@h/d") is not None


def test_the_file_is_named_by_a_flag_or_by_alembics_variable(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    write(there, ENV | {"my.ini": INI.replace("db", "%(here)s/db") + LOGGING})
    assert proven(here, database.url) is None
    check(here, database, config=str(there / "my.ini"))
    monkeypatch.setenv("ALEMBIC_CONFIG", str(there / "my.ini"))
    check(here, database)
    monkeypatch.setenv("ALEMBIC_CONFIG", "nowhere.ini")
    assert proven(here, database.url) is None
    (there / "my.ini").write_text(INI.replace("db", str(there / "db")) + LOGGING)
    check(here, database, config=str(there / "my.ini"))
    assert proven(here, database.url, config="../there/my.ini") is None


def test_an_env_py_beside_the_file_that_is_no_text_is_doubted(tmp_path: Path) -> None:
    write(tmp_path, ENV | {"alembic.ini": STOCK})
    (tmp_path / "env.py").write_bytes(b"\xff")
    assert proven(tmp_path, "postgresql://u@h/d") is None


def test_another_section_is_read_by_its_name(tmp_path: Path, database: Database) -> None:
    write(tmp_path, ENV | {"alembic.ini": INI.replace("[alembic]", "[billing]") + LOGGING})
    assert proven(tmp_path, database.url) is None
    check(tmp_path, database, config_section="billing")
    assert proven(tmp_path, database.url, config_section="DEFAULT") is None


def test_a_project_of_flask_is_doubted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, ENV | {"alembic.ini": STOCK})
    assert proven(tmp_path, "postgresql://u@h/d") is not None
    monkeypatch.setenv("FLASK_APP", "app")
    assert proven(tmp_path, "postgresql://u@h/d") is None


def test_a_percent_sign_in_the_folders_name_is_doubted_where_alembic_stumbles(
    tmp_path: Path, database: Database
) -> None:
    folder = tmp_path / "100%"
    write(folder, ENV | {"alembic.ini": STOCK})
    assert proven(folder, database.url) is None
    assert found(folder, database.url) is None


def test_toml_is_read_where_alembic_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = ENV["db/env.py"].replace("    fileConfig", "    pass  # ")
    write(tmp_path, {"db/env.py": env, "pyproject.toml": TOML})
    for version, known in (((1, 15), False), ((1, 16), True)):
        monkeypatch.setattr(installed, "version", lambda _, v=version: v)
        assert (proven(tmp_path, "postgresql://u@h/d") is not None) == known


@pytest.mark.parametrize("name", ["db/versions", "db", "alembic.ini", "db/env.py"])
def test_what_stands_behind_a_link_is_read(name: str, tmp_path: Path, database: Database) -> None:
    write(tmp_path, ENV | {"alembic.ini": STOCK})
    (tmp_path / name).rename(tmp_path / "elsewhere")
    (tmp_path / name).symlink_to(tmp_path / "elsewhere")
    check(tmp_path, database)


@pytest.mark.parametrize("target", ["nowhere", "r1_.py", "../../alembic.ini", "..", os.devnull])
def test_a_revision_that_is_no_plain_file_is_doubted(target: str, tmp_path: Path) -> None:
    write(tmp_path, ENV | {"alembic.ini": STOCK})
    (tmp_path / "db/versions/r3.py").symlink_to(target)
    assert proven(tmp_path, "postgresql://u@h/d") is None


def test_a_name_of_two_lines_is_doubted(tmp_path: Path) -> None:
    write(tmp_path, ENV | {"alembic.ini": STOCK, "db/versions/r3.py\n": ""})
    assert proven(tmp_path, "postgresql://u@h/d") is None
