"""Models that env.py never imported: found by their text, named by `check`, refused by `new`."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.develop.models import ENV, TEMPLATE, project, refused
from tests.support.command import TREES, run

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

MODELS = """
import sqlalchemy as sa
from sqlalchemy.orm import declarative_base, declared_attr, registry

metadata = sa.MetaData()
mapper = registry(metadata=metadata)
Base = declarative_base(metadata=metadata)


class Named(Base):
    __abstract__ = True

    @declared_attr
    def __tablename__(cls):
        return cls.__name__.lower()


class User(Base):
    __tablename__ = "users"
    id = sa.Column(sa.Integer, primary_key=True)
"""
CLASS = "    __tablename__ = {!r}\n    id = Column(Integer, primary_key=True)\n"
IMPORTS = "from sqlalchemy import Column, Integer, Table\n"
FOUND = {
    "shop/plain.py": (IMPORTS + "from shop.models import Base\nclass A(Base):\n" + CLASS, "plain"),
    "shop/relative.py": (
        IMPORTS + "from . import models as m\nclass A(m.Base):\n" + CLASS,
        "relative",
    ),
    "shop/again/__init__.py": ("from ..models import Base as Root\nBase = Root\n", None),
    "shop/again/two.py": (
        IMPORTS + "from . import *\nclass B(Base):\n    __abstract__ = True\nclass A(B):\n" + CLASS,
        "two",
    ),
    "shop/tables.py": (
        IMPORTS + "import sqlalchemy as sa\nfrom shop import models\n"
        "t = sa.Table({!r}, models.metadata, Column('id', Integer))\n",
        "tables",
    ),
    "shop/of_base.py": (
        IMPORTS + "from shop.models import Base\nt = Table({!r}, Base.metadata)\n",
        "of_base",
    ),
    "shop/mapped.py": (
        IMPORTS + "from shop.models import mapper\n@mapper.mapped\nclass A:\n" + CLASS,
        "mapped",
    ),
    "shop/named.py": (
        IMPORTS + "from shop.models import Named\nclass Parcel(Named):\n"
        "    id = Column(Integer, primary_key=True)\n",
        "parcel",
    ),
}
LEFT_ALONE = {
    "shop/another.py": IMPORTS + "from sqlalchemy.orm import declarative_base\n"
    "Base = declarative_base()\nclass A(Base):\n" + CLASS.format("another"),
    "shop/known.py": FOUND["shop/plain.py"][0].format("users"),
    "shop/later.py": "# migrator: allow unimported-models because the archive has its own tables\n"
    + FOUND["shop/plain.py"][0].format("later"),
    "shop/inherits.py": IMPORTS + "from shop.models import User\nclass Admin(User):\n"
    "    level = Column(Integer)\n",
    "shop/inside.py": IMPORTS + "from shop.models import metadata\n"
    "def make():\n    return Table('inside', metadata)\n",
    "shop/broken.py": "__tablename__ =\n",
    "tests/models.py": FOUND["shop/plain.py"][0].format("of_a_test"),
    "test_shop.py": FOUND["shop/plain.py"][0].format("of_a_test"),
    "old_venv/lib/theirs.py": FOUND["shop/plain.py"][0].format("theirs"),
    "old_venv/pyvenv.cfg": "",
    "versions/models.txt": "",
    "not-a-package/theirs.py": FOUND["shop/plain.py"][0].format("theirs"),
}


def put(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def unimported(folder: Path) -> dict[str, str]:
    """Give what `check` says of each file."""
    ended = run("check", "--json", tree=folder)
    assert ended.exit_code == 3, ended.output
    models = next(c for c in json.loads(ended.stdout)["checks"] if c["check"] == "models")
    told = [f for f in models["findings"] if "does not import it" in f["message"]]
    assert all("# migrator: allow unimported-models because …" in f["hint"] for f in told)
    return {one["message"].split()[0]: one["message"] for one in told}


def test_each_form_of_a_table_is_found_and_nothing_is_imported_for_it(tmp_path: Path) -> None:
    folder = project(tmp_path / "p", MODELS)
    bomb = "open('imported', 'w').close()\n"
    put(folder, {name: bomb + text.format(table) for name, (text, table) in FOUND.items()})
    put(folder, {name: text.replace("'", '"') for name, text in LEFT_ALONE.items()})
    told = unimported(folder)
    assert told.keys() == {name for name, (_, table) in FOUND.items() if table}
    for name, (_, table) in FOUND.items():
        assert table is None or f"{name} defines the table {table} on" in told[name]
    assert not (folder / "imported").exists()
    assert "shop/plain.py defines the table plain on" in refused(folder, "more", code=66)


def test_an_env_py_without_models_misses_none(tmp_path: Path) -> None:
    env_py = ENV.replace("target_metadata=Base.metadata", "target_metadata=None")
    folder = project(tmp_path / "p", MODELS, env_py)
    put(folder, {"shop/plain.py": FOUND["shop/plain.py"][0].format("plain")})
    ended = run("new", "more", tree=folder)
    assert ended.exit_code == 0, ended.output
    assert ended.stdout.startswith("Nothing was written: env.py names no models (target_metadata)")


def test_a_model_of_flask_sqlalchemy_is_found(tmp_path: Path) -> None:
    folder = shutil.copytree(TREES / "flask_app", tmp_path / "f")
    (folder / "migrations/script.py.mako").write_bytes(TEMPLATE.read_bytes())
    text = "from app import db\n\n\nclass OrderLine(db.Model):\n"
    text += "    id = db.Column(db.Integer, primary_key=True)\n"
    text += "links = db.Table('links', db.Column('id', db.Integer))\n"
    put(folder, {"lines.py": text})
    ended = run("new", "more", tree=folder)
    assert ended.exit_code == 66, ended.output
    assert "lines.py defines the tables order_line, links on env.py's metadata" in ended.stderr
