"""A revision file that was changed after it had been applied is reported, until it is not."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from migrator.ledger import checksum
from tests.ledger.test_cache import looked
from tests.status.test_nothing_to_do import loaded
from tests.support.command import TREES, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.command import Ended
    from tests.support.servers import Database


@pytest.fixture
def project(tmp_path: Path, database: Database) -> Path:
    """Give a project whose revisions have been applied."""
    folder = shutil.copytree(TREES / "per_revision", tmp_path / "project")
    assert run(tree=folder, url=database.url).exit_code == 0
    return folder


def r2(project: Path) -> Path:
    return project / "versions" / "r2.py"


def change(file: Path, new: str = '"changed"') -> None:
    """Have it say something else."""
    file.write_text(file.read_text() + f"\nADDED = {new}\n")


def warned(ended: Ended) -> list[str]:
    """Give the revisions of which a run warns; the sentences and the level must go with them."""
    assert ended.exit_code == 0, ended.output
    (line,) = ended.named("project.loaded")
    assert line["level"] == ("warn" if line["altered"] else "info")
    for revision in line["altered"]:
        assert f"Revision {revision} was changed after it was applied" in line["message"]
    altered: list[str] = line["altered"]
    return altered


def warnings(project: Path, database: Database, *arguments: str) -> list[str]:
    ended = run("status", "--json", *arguments, tree=project, url=database.url)
    assert ended.exit_code == 0, ended.output
    found: list[str] = json.loads(ended.stdout)["warnings"]
    return found


def test_status_names_the_two_checksums_and_who_applied_it_when(
    project: Path, database: Database
) -> None:
    before = checksum.of(str(r2(project)))
    change(r2(project))
    now = checksum.of(str(r2(project)))
    (run_id,) = database.rows(
        "SELECT client, to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
        " FROM migrator.run"
    )
    client, at = run_id
    (warning,) = warnings(project, database)
    assert warning == (
        f"Revision r2 was changed after it was applied: {r2(project)} has the checksum {now}, and"
        f" had {before} when postgres ({client}) applied it at {at}."
    )
    text = run("status", tree=project, url=database.url).stdout
    assert "warning   Revision r2 was changed" in text


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [(), ("-x", "a=b")], ids=["by the files", "by the project"])
def test_each_run_and_each_status_warns_of_it_until_it_is_mended(
    arguments: tuple[str, ...], project: Path, database: Database
) -> None:
    """What a run found out is remembered, and the warning must not be forgotten for it."""
    source = r2(project).read_text()
    change(r2(project))
    for _ in range(2):
        assert warned(run("run", *arguments, tree=project, url=database.url)) == ["r2"]
        assert len(warnings(project, database, *arguments)) == 1
    r2(project).write_text(source)
    assert warned(run("run", *arguments, tree=project, url=database.url)) == []
    assert warnings(project, database, *arguments) == []


def test_a_project_that_has_to_be_run_warns_each_time_too(
    project: Path, database: Database
) -> None:
    """The files of this one prove nothing, because its env.py imports a module of its own."""
    (project / "shop.py").write_text("")
    env_py = project / "env.py"
    env_py.write_text("import sys\nsys.path.append('.')\nimport shop\n" + env_py.read_text())
    change(r2(project))
    for _ in range(2):
        assert warned(run(tree=project, url=database.url)) == ["r2"]


def test_a_run_that_has_something_to_do_warns_too_and_does_it(
    project: Path, database: Database
) -> None:
    change(r2(project))
    database.rows("UPDATE alembic_version SET version_num = 'r2'")
    database.rows("DROP TABLE orders")
    ended = run(tree=project, url=database.url)
    assert warned(ended) == ["r2"]
    assert [one["revision"] for one in ended.report["applied"]] == ["r3"]
    assert warned(run(tree=project, url=database.url)) == ["r2"]


def test_whitespace_and_comments_do_not_count_and_are_remembered(
    project: Path, database: Database
) -> None:
    r2(project).write_text("# a comment\n\n" + r2(project).read_text())
    assert warned(run(tree=project, url=database.url)) == []
    loaded(str(project), database)
    assert "migrator.ledger.checksum" not in loaded(str(project), database)


def test_a_run_that_remembers_compares_nothing(project: Path, database: Database) -> None:
    """Its files are those that were compared before: it asks nothing more, and reads nothing."""
    assert "migrator.ledger.checksum" not in loaded(str(project), database)
    r2(project).write_text("# a comment\n" + r2(project).read_text())
    assert "migrator.ledger.checksum" in loaded(str(project), database)


def test_what_is_pending_may_be_changed(project: Path, database: Database) -> None:
    """It was taken back by hand, of which the ledger does not know."""
    change(r2(project))
    database.rows("UPDATE alembic_version SET version_num = 'r1'")
    assert warnings(project, database) == []


def test_what_was_rolled_back_since_does_not_count(project: Path, database: Database) -> None:
    """It is applied again by Alembic itself, of which the ledger knows nothing."""
    change(r2(project))
    back = run("rollback", "--to", "r1", "--yes", tree=project, url=database.url)
    assert back.exit_code == 0, back.output
    database.rows("UPDATE alembic_version SET version_num = 'r3'")
    assert warnings(project, database) == []


def test_the_newest_time_counts(project: Path, database: Database) -> None:
    """It was taken back by hand, changed, and applied again by a run."""
    change(r2(project))
    database.rows("UPDATE alembic_version SET version_num = 'r1'")
    database.rows("DROP TABLE orders")
    database.rows("ALTER TABLE accounts DROP COLUMN name")
    assert warned(run(tree=project, url=database.url)) == []
    assert warnings(project, database) == []


def test_what_was_remembered_is_compared_again_after_a_run_that_applied_something(
    project: Path, database: Database
) -> None:
    """Another image, whose r2 says something else, has taken it back by hand and applied it."""
    assert not looked(project, database.url)
    other = shutil.copytree(project, project.parent / "other")
    change(r2(other))
    database.rows("UPDATE alembic_version SET version_num = 'r1'")
    database.rows("DROP TABLE orders")
    database.rows("ALTER TABLE accounts DROP COLUMN name")
    assert run(tree=other, url=database.url).exit_code == 0
    assert warned(run(tree=project, url=database.url)) == ["r2"]


def test_without_a_ledger_nothing_is_compared(project: Path, database: Database) -> None:
    database.rows("DROP SCHEMA migrator CASCADE")
    change(r2(project))
    assert warned(run(tree=project, url=database.url)) == []
    assert warned(run("run", "-x", "a=b", tree=project, url=database.url)) == []
