"""What holds for every file of deploy/, and that there is none which nothing looks at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from migrator.settings import load, parse, table
from tests.deploy import files, test_ci, test_docker, test_kubernetes, test_platforms, test_schemas

if TYPE_CHECKING:
    from pathlib import Path

PAGES = sorted((files.ROOT / "docs/how-to/deploy").glob("*.md"))
RUNS = [
    "../railway.json",
    "railway/railway.json",
    "kubernetes/base/job.yaml",
    "kubernetes/overlays/init-container/init-container.yaml",
    "compose/compose.yaml",
    "heroku/Procfile",
    "dokku/Procfile",
    "fly/fly.toml",
    "render/render.yaml",
    "digitalocean/app.yaml",
    "cloud-run/job.yaml",
    "ecs/task-definition.json",
]
LIMITS = {
    "kubernetes/base/job.yaml": r"activeDeadlineSeconds: (\w+)",
    "fly/fly.toml": r'release_command_timeout = "(\w+)"',
    "cloud-run/job.yaml": r"timeoutSeconds: (\w+)",
    test_platforms.RAILWAY_TS: r"preDeployTimeoutSeconds: (\w+)",
}
COMMAND_LINE = re.compile(r"(?:\w+=\S+ )*(?:docker run .* shop )?migrator\b(.*)$")
SHELL = re.compile(r"[$&|;<>`*]")


def test_no_file_is_without_a_test() -> None:
    covered = {
        *test_ci.COVERED,
        *test_docker.COVERED,
        *test_kubernetes.covered(),
        *test_platforms.COVERED,
        *test_schemas.COVERED,
    }
    assert set(files.every_file()) == covered - {"../railway.json"}


@pytest.mark.parametrize("name", RUNS)
def test_the_command_is_one_line_of_migrator_that_needs_no_shell(name: str) -> None:
    lines = list(files.command_lines(files.content(name)))
    assert len(lines) == 1
    assert files.command_of(lines[0][1:]) == "run"
    assert not SHELL.search(" ".join(lines[0]))


def test_the_command_of_the_infrastructure_as_code_form_is_that_of_railway_json() -> None:
    line = files.content("railway/railway.json")["deploy"]["preDeployCommand"]
    assert f'preDeployCommand: ["{line[0]}"]' in files.text(test_platforms.RAILWAY_TS)


@pytest.mark.parametrize("name", files.every_file())
def test_every_variable_of_migrators_is_a_setting_of_this_version(name: str) -> None:
    named = set(re.findall(r"\bMIGRATOR_\w+", files.text(name)))
    assert named <= {table.variable(row.name) for row in table.rows()}


@pytest.mark.parametrize("name", RUNS)
def test_every_value_of_a_setting_is_one_that_migrator_accepts(name: str) -> None:
    said = {key: str(value) for key, value in files.variables(files.content(name))}
    said = {key: value for key, value in said.items() if not value.startswith("${")}
    assert load.load({}, {"MIGRATOR_DATABASE_URL": "postgresql://shop@db/shop"} | said)


@pytest.mark.parametrize("name", LIMITS)
def test_the_runs_own_deadline_leaves_it_time_to_report_before_the_platforms(name: str) -> None:
    text = files.text(name)
    deadline = re.search(r'MIGRATOR_DEADLINE"?:?\s*(?:=|value:)?\s*"?(\w+)', text)
    limit = re.search(LIMITS[name], text)
    assert deadline
    assert limit
    assert parse.duration(deadline[1]) + 60 < parse.duration(limit[1])


@pytest.mark.parametrize("name", files.every_file())
def test_a_page_links_every_file(name: str) -> None:
    assert any(f"](../../../deploy/{name})" in page.read_text() for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text())
    missing = [link for link in links if ":" not in link and not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_line_of_a_page_is_one_of_this_version(page: Path) -> None:
    blocks = re.findall(r"```(?:console|sh)\n(.*?)```", page.read_text(), re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines()]
    for line in lines:
        found = COMMAND_LINE.match(line)
        if found and found[1] != " --version":
            assert files.command_of(found[1].split()) == "run", line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_variable_of_a_page_is_a_setting(page: Path) -> None:
    known = {table.variable(row.name) for row in table.rows()}
    assert set(re.findall(r"\bMIGRATOR_[A-Z_]+[A-Z]", page.read_text())) <= known
