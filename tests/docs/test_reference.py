"""The documentation says what the code does: compared both ways, by the code and by real runs."""

from __future__ import annotations

import ast
import json
import re
import shlex
import signal
from contextlib import closing
from typing import TYPE_CHECKING, Any

import click
import psycopg2
import pytest
import sqlalchemy

from migrator import errors
from migrator.check import checklist
from migrator.cli.main import commands
from migrator.cli.plan import plan
from migrator.database.lock.lock import keys_for
from migrator.database.version_table import VersionTable
from migrator.output.log import Event
from migrator.plan import answer
from migrator.settings import address, aliases, load, table
from migrator.status import status
from tests.docs.markdown import ROOT, Block, Page, code, page, pages
from tests.faults import matrix
from tests.plan.forecasts import FAILED
from tests.support import backups
from tests.support.command import run
from tests.support.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.servers import Database, Server

SETTINGS = page("docs/reference/settings.md")
EXIT_CODES = page("docs/reference/exit-codes.md")
EVENTS = page("docs/reference/events.md")
COMMANDS = page("docs/reference/commands.md")

SOURCES = {p: p.read_text(encoding="utf-8") for p in sorted((ROOT / "migrator").rglob("*.py"))}
MISSPELT = {"MIGRATOR_LOCKWAIT"}  # shows how a misspelt name is refused
NOT_WRITTEN = "not written by this version"


# Settings


def test_the_settings_are_those_of_the_code_in_their_order_with_flags_and_defaults() -> None:
    documented = [
        (code(variable), code(flags), code(default) or default)
        for variable, flags, default, _ in SETTINGS.table("variable", "flag", "default", "meaning")
    ]
    assert documented == [
        (
            [table.variable(row.name)],
            [name for name in (row.metadata["short"], table.flag(row.name)) if name],
            _default(row.name, row.metadata["default"]),
        )
        for row in table.rows()
    ]


def _default(name: str, default: str | None) -> list[str] | str:
    if name == "database_url":
        return "required"
    return [default] if default else "none"


def test_the_address_is_looked_for_in_the_order_of_the_page() -> None:
    section = SETTINGS.text.partition("## The database's address")[2].partition("\n## ")[0]
    numbered = [code(line) for line in re.findall(r"^\d\. (.+)$", section, re.MULTILINE)]

    assert [found[0] for found in numbered[1:4]] == list(table.URL_VARIABLES)
    given: dict[str, str] = {}
    for name, *_ in reversed(numbered):
        flags = {"database_url": "postgresql://the-flag/db"} if name.startswith("--") else {}
        given |= {} if flags else {name: "here" if name == "PGHOST" else f"postgresql://{name}/db"}
        found = load.target(flags, given, [])
        assert found is not None
        assert found.source == name


def test_the_names_from_elsewhere_are_those_of_the_code() -> None:
    rows = SETTINGS.table("variable", "what it means here")
    assert [code(variable)[0] for variable, _ in rows] == list(aliases.ALIASES)


@pytest.mark.parametrize(("form", "read_as"), SETTINGS.table("form", "read as"))
def test_every_form_of_an_address_on_the_page_is_read_as_it_says(form: str, read_as: str) -> None:
    assert [str(address.parse(code(form)[0], "the page"))] == code(read_as)


@pytest.mark.parametrize(("setting", "sentence"), SETTINGS.table("set to", "the sentence"))
def test_every_refusal_on_the_page_is_made_in_these_words(setting: str, sentence: str) -> None:
    name, _, value = code(setting)[0].partition("=")
    with pytest.raises(errors.ConfigurationError) as refused:
        load.load({}, {"DATABASE_URL": "postgresql://db/shop", name: value})
    assert refused.value.message.startswith(code(sentence)[0])
    assert "problems" not in refused.value.message


def test_every_variable_of_ours_that_a_page_names_exists() -> None:
    for each in pages():
        for name in set(re.findall(r"\bMIGRATOR_[A-Z][A-Z_]*\b", each.text)) - MISSPELT:
            with pytest.raises(errors.ConfigurationError) as refused:
                load.load({"log_level": "loud"}, {name: ""})
            assert f"{name} is not a setting" not in refused.value.message, each


# Exit codes


def test_the_exit_codes_and_kinds_are_those_of_the_code() -> None:
    rows = EXIT_CODES.table("code", "kind", "meaning", "try again")
    documented = [(int(number), *code(kind)) for number, kind, *_ in rows]

    assert len(documented) == len(set(documented))
    assert set(documented) == {(0,), *_produced()}


def _produced() -> Iterator[tuple[int, str]]:
    yield errors.MigratorError.exit_code, errors.MigratorError.kind
    for kind in errors.MigratorError.__subclasses__():
        if kind is not errors.InterruptedBySignalError:
            yield kind.exit_code, kind.kind
    for number in (signal.SIGINT, signal.SIGTERM):
        interrupted = errors.InterruptedBySignalError(number, number.name)
        yield interrupted.exit_code, interrupted.kind


def test_the_codes_of_an_answer_are_those_of_the_page() -> None:
    answers = {int(number) for number, *_ in EXIT_CODES.table("code", "meaning", "command")}
    assert answers == {3, 76, 79}
    assert {*status.CODES.values(), answer.PENDING, answer.ABOVE} - answers == {0}


@pytest.mark.parametrize(
    ("path", "header"),
    [
        ("README.md", ("code", "meaning", "try again")),
        ("docs/runbook/README.md", ("code", "in one line", "try again")),
    ],
)
def test_every_list_of_exit_codes_says_the_same(path: str, header: tuple[str, ...]) -> None:
    reference = {
        int(number): again.strip("-")
        for number, _, _, again in EXIT_CODES.table("code", "kind", "meaning", "try again")
    }
    listed = {
        int(number): again.strip("-")
        for numbers, _, again in page(path).table(*header)
        for number in re.findall(r"\b\d+\b", numbers.partition("](")[0])
    }
    assert listed == {n: again for n, again in reference.items() if n in listed}
    assert reference.keys() - listed.keys() <= {0}


def test_every_exit_code_has_a_page_in_the_runbook_and_no_page_is_left_over() -> None:
    written = {
        int(number)
        for each in (ROOT / "docs/runbook").glob("[0-9]*.md")
        for number in each.stem.split("-")
    }
    assert written == {number for number, _ in _produced()}


# Commands


def test_the_commands_are_those_of_the_code() -> None:
    documented = [code(line)[0] for line, _ in COMMANDS.table("command", "what it does")]
    assert sorted(documented) == sorted(f"migrator {name}" for name in commands.commands)


def _lines_of_ours() -> Iterator[tuple[str, list[str]]]:
    """Give each command line of ours on a page, in a block for the shell or after a `$`."""
    for each in pages():
        for block in each.blocks:
            lines = block.text.splitlines()
            if block.language != "console":
                lines = [line[2:] for line in lines if line.startswith("$ ")]
            for line in lines:
                words = shlex.split(line.partition(" | ")[0].partition(" > ")[0], comments=True)
                while words and re.match(r"[A-Z_]+=", words[0]):
                    words.pop(0)
                if words[:1] == ["migrator"]:
                    yield f"{each}: {line}", words[1:]


REFUSED = {"--lockwait"}  # shows how a misspelt flag is refused


@pytest.mark.parametrize(("line", "words"), list(_lines_of_ours()))
def test_every_command_line_on_a_page_is_understood(
    line: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(click.Command, "invoke", lambda *_: None)
    if REFUSED & set(words):
        with pytest.raises(click.UsageError):
            commands.main(args=words, prog_name="migrator", standalone_mode=False)
    else:
        assert commands.main(args=words, prog_name="migrator", standalone_mode=False) in {
            None,
            0,
        }, line


# Events and the report


@pytest.fixture(scope="module")
def seen(server: Server, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Give the lines of runs which together write every event there is."""
    nobody = f"postgresql://nobody@127.0.0.1:{free_port()}/nothing"
    lines = run("run", "--connect-timeout", "1s", url=nobody).lines
    with server.fresh() as database:
        with closing(psycopg2.connect(database.url)) as other:
            default = keys_for([VersionTable(None, "alembic_version")])
            other.cursor().execute("SELECT pg_advisory_xact_lock(%s)", default)
            lines += run("run", "--lock-wait", "1s", url=database.url).lines
        lines += run("run", url=database.url).lines
        lines += run("run", url=database.url).lines
        database.rows("UPDATE migrator.revision SET sha256 = 'another', file_sha256 = 'another'")
        lines += run("run", "-x", "a=b", url=database.url).lines
    with server.fresh() as database:
        lines += run("run", tree="changes_nothing", url=database.url).lines
    with server.fresh() as database:
        lines += run("run", tree="fails_second_per_revision", url=database.url).lines
        lines += run("run", AUTO_MIGRATE="false").lines
    with server.fresh() as database:
        lines += _blocked(database)
    with server.fresh() as database:
        lines += _backed_up(database, tmp_path_factory.mktemp("backups"))
    return lines


def _backed_up(database: Database, directory: Path) -> list[dict[str, Any]]:
    """Give the lines of a run whose pg_dump has something to say, and takes its time."""
    programs = directory / "bin"
    programs.mkdir()
    (programs / "pg_restore").symlink_to(backups.PROGRAMS / "pg_restore")
    (programs / "pg_dump").write_text(
        '#!/bin/sh\n[ "$1" = --version ] || (echo "pg_dump: warning: odd" >&2; sleep 3)\n'
        f'exec {backups.PROGRAMS}/pg_dump "$@"\n'
    )
    (programs / "pg_dump").chmod(0o755)
    told = backups.settings(directory, PATH=backups.path(programs))
    return run("run", url=database.url, **told).lines


def _blocked(database: Database) -> list[dict[str, Any]]:
    """Give the lines of a run that finds an invalid index, and a transaction in its way."""
    assert run("run", "--target", "r1", tree="alters_table", url=database.url).exit_code == 0
    database.rows("INSERT INTO accounts VALUES (1, 'same'), (2, 'same')")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        database.rows("CREATE UNIQUE INDEX CONCURRENTLY accounts_email ON accounts (email)")
    with closing(psycopg2.connect(database.url)) as other:
        other.cursor().execute("SELECT count(*) FROM accounts")
        line = ("run", "--ddl-lock-timeout", "0.5s", "--ddl-retry-for", "2s")
        return run(*line, tree="alters_table", url=database.url).lines


def _events() -> list[list[str]]:
    return EVENTS.table("event", "level", "when", "fields")


def test_the_events_are_those_of_the_code_in_their_order() -> None:
    assert [code(event)[0] for event, *_ in _events()] == [str(event) for event in Event]


def test_an_event_is_called_not_written_where_no_module_writes_it() -> None:
    used = {
        name
        for path, text in SOURCES.items()
        if path.name != "log.py"
        for name in re.findall(r"\bEvent\.([A-Z_]+)\b", text)
    }
    documented = {code(event)[0] for event, _, when, _ in _events() if when != NOT_WRITTEN}
    assert documented == {str(Event[name]) for name in used}


def test_each_event_has_the_levels_and_the_fields_of_the_page(seen: list[dict[str, Any]]) -> None:
    common = [code(field)[0] for field, _ in EVENTS.table("field", "meaning")]
    for line in seen:
        assert list(line)[: len(common)] == common
    fields = {line["event"]: set(line) - set(common) for line in seen}
    report = {code(field)[0] for field, *_ in EVENTS.table("field", "type", "meaning")}
    documented = {
        code(event)[0]: set(code(told)) or report
        for event, _, when, told in _events()
        if when != NOT_WRITTEN
    }
    assert fields == documented

    levels = {event: {line["level"] for line in seen if line["event"] == event} for event in fields}
    assert levels == {
        code(event)[0]: set(code(level)) for event, level, *_ in _events() if code(level)
    }


def test_the_lines_of_a_downgrade_have_one_field_more(database: Database) -> None:
    lines = run("run", url=database.url).lines
    lines += run("rollback", "--to", "base", "--yes", url=database.url).lines
    said = re.search(r"- (\S+, .+) of \[a rollback\].+one field\n  more, (\S+), ", EVENTS.prose)
    assert said is not None
    downgrade = {line["event"]: set(line) for line in lines if "direction" in line}
    upgrade = {line["event"]: set(line) for line in lines if "direction" not in line}
    assert sorted(downgrade) == sorted(code(said[1]))
    for event, fields in downgrade.items():
        assert fields - upgrade[event] == {*code(said[2])}


def test_the_report_has_the_fields_of_the_page(database: Database) -> None:
    documented = [code(field)[0] for field, *_ in EVENTS.table("field", "type", "meaning")]
    report = run("run", url=database.url).report
    assert list(report)[-len(documented) :] == documented
    assert len(report) == len(documented) + len(EVENTS.table("field", "meaning"))


def test_what_the_page_says_of_the_fields_inside_the_report_is_so(
    seen: list[dict[str, Any]],
) -> None:
    rows = {
        code(field)[0]: code(meaning)
        for field, _, meaning in EVENTS.table("field", "type", "meaning")
    }
    failed = next(line for line in seen if line.get("failed"))
    assert list(failed["error"]) == rows["error"]
    assert list(failed["applied"][0]) == rows["applied"]


def test_the_fields_of_a_holder_are_those_of_the_page(seen: list[dict[str, Any]]) -> None:
    said = re.search(r"`holder` is an object with (.+?);", EVENTS.prose, re.DOTALL)
    assert said is not None
    holder = next(line for line in seen if line["event"] == "lock.waiting")["holder"]
    assert list(holder) == code(said[1])


def test_the_fields_of_a_blocker_are_those_of_the_page(seen: list[dict[str, Any]]) -> None:
    said = re.search(r"`blockers` is an object with (.+?);", EVENTS.prose, re.DOTALL)
    assert said is not None
    blocked = next(line for line in seen if line["event"] == "statement.blocked")
    assert list(blocked["blockers"][0]) == code(said[1])


def test_the_outcomes_are_those_of_the_code(seen: list[dict[str, Any]]) -> None:
    documented = [code(outcome)[0] for outcome, _ in EVENTS.table("outcome", "meaning")]
    of_errors = {kind.outcome for kind in errors.MigratorError.__subclasses__()}
    assert set(documented) == of_errors | {line["outcome"] for line in seen if "outcome" in line}


def test_the_states_of_the_database_are_those_of_the_code() -> None:
    documented = {code(state)[0] for state, _ in EVENTS.table("database_state", "meaning")}
    explained = page("docs/explanation/the-proof.md").table("what is known", "database_state")
    texts = {
        node.value
        for text in SOURCES.values()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    known = {"unchanged", "migrated", "partially_migrated", "rolled_back", "unknown"}
    assert documented == known & texts
    assert documented == {code(state)[0] for _, state in explained}


# Answers


def test_the_checks_are_those_of_the_code() -> None:
    documented = [code(name)[0] for name, _ in COMMANDS.table("check", "what it proves")]
    assert documented == list(checklist.NAMES)


def test_the_states_of_status_are_those_of_the_code() -> None:
    rows = COMMANDS.table("state", "meaning", "with `--exit-code`")
    documented = {code(state)[0]: int(number) for state, _, number in rows}
    assert documented == {state: status.CODES.get(state, 76) for state in status.SAID}


def test_the_fields_of_status_are_those_of_the_page(database: Database) -> None:
    answer = json.loads(run("status", "--json", url=database.url).stdout)
    documented = [code(field)[0] for field, _ in COMMANDS.table("field", "meaning")]
    assert list(answer) == documented


# The plan


@pytest.mark.parametrize(
    ("of", "inside"),
    [
        ("", lambda told: told),
        (" of the rehearsal", lambda told: told["rehearsal"]),
        (" of a revision", lambda told: told["revisions"][0]),
        (" of a statement", lambda told: told["statements"][0]),
        (" of a change", lambda told: told["statements"][0]["changes"][0]),
        (" of a lock", lambda told: told["locks"][0]),
        (" of a hazard", lambda told: told["hazards"][0]),
        (" of a table", lambda told: told["tables"][0]),
        (" of an obstacle", lambda told: told["in_the_way"][0]),
        (" of the failure", lambda told: told["failed"]),
    ],
)
def test_the_fields_of_a_plan_are_those_of_the_page(
    of: str, inside: Callable[[Any], dict[str, Any]]
) -> None:
    rows = page("docs/reference/plan.md").table(f"field{of}", "meaning")
    documented = [name for names, _ in rows for name in code(names)]
    assert documented == list(inside(FAILED.fields()))


def test_the_flags_of_a_plan_are_those_of_the_page() -> None:
    rows = page("docs/reference/plan.md").table("flag", "meaning")
    documented = {code(flag)[0].split()[0] for flag, _ in rows}
    options = {opt for each in plan.params for opt in each.opts if opt.startswith("--")}
    of_settings = {table.flag(row.name) for row in table.rows()}
    assert documented == options - of_settings


# The ledger


@pytest.mark.parametrize("table", ["run", "revision", "cache", "backfill"])
def test_the_tables_of_the_ledger_are_those_of_the_page(table: str, database: Database) -> None:
    assert run("run", tree="per_revision", url=database.url).exit_code == 0
    rows = page("docs/reference/ledger.md").table(f"column of {table}", "type", "meaning")
    documented = []
    for names, types, _ in rows:
        several = code(types) * len(code(names)) if len(code(types)) == 1 else code(types)
        documented += list(zip(code(names), several, strict=True))
    found = database.rows(
        "SELECT attname, replace(format_type(atttypid, -1), 'timestamp with time zone',"
        " 'timestamptz') FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
        " ORDER BY attnum",
        f"migrator.{table}",
    )
    assert documented == found


# Pages


def test_every_link_leads_to_a_file_and_to_a_heading_in_it() -> None:
    lost = []
    for each in pages():
        for link in each.links:
            if re.match(r"[a-z]+:", link):
                continue
            place, _, anchor = link.partition("#")
            target = (each.path.parent / place).resolve() if place else each.path
            if not target.exists() or (anchor and anchor not in Page(target).anchors):
                lost.append(f"{each}: {link}")
    assert lost == []


def test_every_page_is_reached_from_the_readme() -> None:
    reached, coming = set(), [ROOT / "README.md"]
    while coming:
        here = coming.pop()
        reached.add(here)
        linked = ((here.parent / link.partition("#")[0]).resolve() for link in Page(here).links)
        coming += [path for path in linked if path.suffix == ".md" and path not in reached]
    assert {each.path for each in pages()} <= reached


MARKED = [(each, block) for each in pages() for block in each.blocks if block.run]


@pytest.mark.parametrize(("where", "block"), MARKED, ids=[b.run for _, b in MARKED])
def test_every_marked_run_ends_with_the_words_of_its_page(
    where: Page, block: Block, database: Database
) -> None:
    tree, *arguments = shlex.split(block.run or "")
    if tree == "statement_before_configure" and sqlalchemy.__version__.startswith("1."):
        pytest.skip("on SQLAlchemy 1.4 Alembic does store it")
    ended = run("run", *arguments, tree=tree, url=database.url)

    shown = [line.strip() for line in block.text.partition("run.finished")[2].splitlines()]
    pattern = "\n".join(re.escape(line).replace("…", ".*") for line in shown)
    assert re.fullmatch(pattern, ended.report["message"]), f"{where}: {ended.report['message']}"
    if where.path.parent.name == "runbook":
        assert str(ended.exit_code) in where.path.stem.split("-")
    events = [line.split()[1] for line in block.text.splitlines() if line.startswith("…  ")]
    assert ended.events[-len(events) :] == events


# Faults


def test_the_table_of_faults_is_the_one_that_is_tested() -> None:
    assert matrix.table() in page("docs/explanation/faults.md").text


def test_the_table_of_faults_has_no_empty_cell() -> None:
    assert {fault: {*row} for fault, row in matrix.EXPECTED.items()} == {
        fault: {*matrix.PHASES} for fault in matrix.FAULTS
    }
