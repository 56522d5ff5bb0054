"""The pages of the plugin for pytest: one is followed word for word, the other equals the code."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from migrator import testing
from migrator.testing import plugin
from tests.docs.markdown import code, page
from tests.pytest_plugin.projects import pytest_in, sound

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.servers import Server

HOW_TO = page("docs/how-to/test-your-migrations.md")
REFERENCE = page("docs/reference/pytest.md")


@pytest.mark.slow
def test_the_how_to_works_word_for_word(server: Server, tmp_path: Path) -> None:
    folder = sound(tmp_path / "shop")
    (folder / "tests").mkdir()
    ran = 0
    for block in HOW_TO.blocks:
        if block.text.startswith("# "):
            name, _, text = block.text[2:].partition("\n")
            kept = text if "since" not in text else "[pytest]\n"  # there is no repository here
            (folder / name).write_text(kept)
        elif block.language == "console":
            line = shlex.split(block.text)[1:]
            line = [server.url if each.startswith("postgresql:") else each for each in line]
            ended, told, counts = pytest_in(
                folder,
                *line,
                server=server.url if ran < 2 else None,
            )
            if "no:migrator" in line:
                assert "'migrated_engine' not found" in told
            else:
                assert (ended, {*counts}) == (0, {"passed"}), told
            ran += 1
    assert ran == 5


def test_the_fixtures_are_those_of_the_code() -> None:
    rows = REFERENCE.table("fixture", "scope", "what it gives")
    documented = {code(name)[0]: scope for name, scope, _ in rows}
    found = {
        name: one._fixture_function_marker.scope  # noqa: SLF001 - pytest has no other way to ask
        for name, one in vars(plugin).items()
        if type(one).__name__ == "FixtureFunctionDefinition"
    }
    assert documented == {n: s.replace("function", "test") for n, s in found.items()}


def test_the_settings_are_those_of_the_code() -> None:
    rows = REFERENCE.table("setting", "default", "meaning")
    assert [code(name)[0] for name, *_ in rows] == list(plugin.INI)


def test_the_tests_are_those_of_the_code() -> None:
    documented = [code(name)[0] for name, _ in REFERENCE.table("test", "it fails where")]
    assert sorted(documented) == sorted(testing.__all__)
