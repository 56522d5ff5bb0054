"""Settings: flags and variables, all problems at once, dangerous values refused in words."""

from __future__ import annotations

import pytest

from migrator.errors import ConfigurationError
from migrator.settings import load as settings
from migrator.settings import parse, table
from tests.support.command import run

URL = {"DATABASE_URL": "postgresql://u:secret-word@h/db"}


def load(flags: dict[str, str | None] | None = None, **environ: str) -> table.Settings:
    loaded = settings.load(flags or {}, URL | environ).settings
    assert loaded is not None
    return loaded


def problems(**environ: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        settings.load({}, URL | environ)
    return caught.value.message


def test_defaults_are_those_of_the_contract() -> None:
    told = load()
    assert told.config is None
    assert told.config_section == ("alembic",)
    assert told.x == ()
    assert told.target == "head"
    assert told.connect_timeout == 60
    assert told.lock_wait == 240
    assert told.lock_key is None
    assert told.transactions == "project"
    assert told.on_db_ahead == "fail"
    assert told.ddl_lock_timeout == 3
    assert told.ddl_retry_for == 120
    assert told.deadline is None
    assert told.log_queries is True
    assert told.statement_timeout is None
    assert told.log_format is None
    assert told.log_level == "info"
    assert told.report is None
    assert told.backup_to is None
    assert told.backup_keep == 10
    assert told.backup_verify == "list"
    assert told.backup_encrypt_to == ()


def test_a_variable_is_read() -> None:
    assert load(MIGRATOR_LOCK_WAIT="5m").lock_wait == 300


def test_the_flag_wins_over_the_variable() -> None:
    assert load({"lock_wait": "7"}, MIGRATOR_LOCK_WAIT="5m").lock_wait == 7


def test_an_empty_variable_is_no_setting() -> None:
    assert load(MIGRATOR_LOCK_WAIT="").lock_wait == 240


@pytest.mark.parametrize(
    ("written", "seconds"), [("90", 90), ("90s", 90), ("5m", 300), ("1h", 3600), ("0.5", 0.5)]
)
def test_durations(written: str, seconds: float) -> None:
    assert parse.duration(written) == seconds


@pytest.mark.parametrize("written", ["", "soon", "5 minutes", "-1", "1d", "1e3", "5M"])
def test_what_is_no_duration_is_refused_in_words(written: str) -> None:
    with pytest.raises(ValueError, match="write 90, 90s, 5m or 1h"):
        parse.duration(written)


def test_all_problems_are_reported_at_once() -> None:
    told = problems(
        MIGRATOR_LOCK_WAIT="soon",
        MIGRATOR_LOG_FORMAT="xml",
        MIGRATOR_LOKC_WAIT="5m",
        MIGRATOR_DATABASE_URL="mysql://u@h/db",
    )
    assert told.startswith("4 problems")
    assert "MIGRATOR_LOCK_WAIT: 'soon' is not a duration" in told
    assert "MIGRATOR_LOG_FORMAT: 'xml' is not one of json, console" in told
    assert "MIGRATOR_LOKC_WAIT is not a setting: did you mean MIGRATOR_LOCK_WAIT?" in told
    assert "MIGRATOR_DATABASE_URL: mysql:// is not an address of Postgres" in told


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("MIGRATOR_LOCK_WAIT", "spin"),
        ("MIGRATOR_CONNECT_TIMEOUT", "for ever"),
        ("MIGRATOR_STATEMENT_TIMEOUT", "no limit"),
        ("MIGRATOR_DDL_LOCK_TIMEOUT", "queue for ever"),
        ("MIGRATOR_DEADLINE", "before it begins"),
    ],
)
def test_a_zero_that_would_disable_a_safety_is_refused_in_words(variable: str, words: str) -> None:
    assert words in problems(**{variable: "0"})


def test_a_lock_key_that_postgres_cannot_hold_is_refused() -> None:
    assert "no bigint" in problems(MIGRATOR_LOCK_KEY=str(2**63))


def test_a_duration_that_postgres_cannot_count_is_refused() -> None:
    assert "24 days" in problems(MIGRATOR_STATEMENT_TIMEOUT="1000h")


def test_an_empty_flag_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="--target: it is empty"):
        settings.load({"target": ""}, URL)


def test_a_statement_timeout_below_the_lock_timeout_is_refused_in_words() -> None:
    told = problems(MIGRATOR_STATEMENT_TIMEOUT="2s")
    assert "MIGRATOR_STATEMENT_TIMEOUT (2 s) is below MIGRATOR_DDL_LOCK_TIMEOUT (3 s)" in told
    load(MIGRATOR_STATEMENT_TIMEOUT="2s", MIGRATOR_DDL_LOCK_TIMEOUT="1s")


def test_variables_that_kubernetes_makes_for_a_service_called_migrator_are_no_settings() -> None:
    load(
        MIGRATOR_SERVICE_HOST="10.0.0.1",
        MIGRATOR_SERVICE_PORT="80",
        MIGRATOR_SERVICE_PORT_HTTP="80",
        MIGRATOR_PORT="tcp://10.0.0.1:80",
        MIGRATOR_PORT_80_TCP="tcp://10.0.0.1:80",
        MIGRATOR_PORT_80_TCP_ADDR="10.0.0.1",
    )


@pytest.mark.parametrize(
    "place", ["s3://bucket/a/prefix", "gs://bucket", "az://container", "file:///backups"]
)
def test_a_place_for_backups_is_taken_as_it_is_written(place: str) -> None:
    assert load(MIGRATOR_BACKUP_TO=place).backup_to == place


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("", "it is empty: say where to"),
        ("/backups", "is no place for backups"),
        ("ftp://host/backups", "is no place for backups"),
        ("s3:///prefix", "names no bucket"),
        ("file://backups", "three slashes"),
        ("s3://key:secret-word@bucket", "credentials do not belong in it"),
    ],
)
def test_what_is_no_place_for_backups_is_refused_in_words(place: str, words: str) -> None:
    told = problems(MIGRATOR_BACKUP_TO=place)
    assert words in told
    assert "secret-word" not in told


def test_a_flag_for_the_place_satisfies_the_name_in_use_elsewhere() -> None:
    told = load({"backup_to": "s3://bucket"}, BACKUP_BEFORE_MIGRATE="true")
    assert told.backup_to == "s3://bucket"


def test_recipients_are_read_by_commas_because_a_key_of_ssh_has_spaces() -> None:
    told = load(MIGRATOR_BACKUP_ENCRYPT_TO="age1abc, ssh-ed25519 AAAA me@here")
    assert told.backup_encrypt_to == ("age1abc", "ssh-ed25519 AAAA me@here")


def test_a_restore_of_what_is_encrypted_is_refused_in_words() -> None:
    told = problems(MIGRATOR_BACKUP_VERIFY="restore", MIGRATOR_BACKUP_ENCRYPT_TO="age1abc")
    assert "the private key is not here" in told


@pytest.mark.parametrize(("number", "words"), [("0", "would keep none"), ("few", "whole number")])
def test_a_number_of_backups_that_would_keep_none_is_refused(number: str, words: str) -> None:
    assert words in problems(MIGRATOR_BACKUP_KEEP=number)


def test_a_setting_that_asks_for_what_happens_anyway_is_accepted() -> None:
    load(MIGRATOR_AFTER="", MIGRATOR_VERIFY="heads", ALEMBIC_ROLLBACK_ON_FAIL="false")


def test_the_alias_of_a_rollback_is_as_good_as_the_setting_and_the_flag_wins() -> None:
    assert load(ALEMBIC_ROLLBACK_ON_FAIL="true").on_failure == "rollback"
    assert load(ALEMBIC_ROLLBACK_ON_FAIL="true", MIGRATOR_ON_FAILURE="").on_failure == "rollback"
    assert load({"on_failure": "stop"}, ALEMBIC_ROLLBACK_ON_FAIL="true").on_failure == "stop"
    told = problems(ALEMBIC_ROLLBACK_ON_FAIL="true", MIGRATOR_ON_FAILURE="stop")
    assert "ALEMBIC_ROLLBACK_ON_FAIL=true contradicts MIGRATOR_ON_FAILURE=stop" in told


def test_aliases_that_need_more_say_what() -> None:
    told = problems(BACKUP_BEFORE_MIGRATE="true", SEED_MASTER_DATA="1")
    assert "BACKUP_BEFORE_MIGRATE: say where to, in MIGRATOR_BACKUP_TO" in told
    assert "SEED_MASTER_DATA: name the command that seeds, in MIGRATOR_AFTER" in told


def test_an_alias_that_is_neither_true_nor_false_is_a_problem() -> None:
    assert "AUTO_MIGRATE: 'perhaps' is neither true nor false" in problems(AUTO_MIGRATE="perhaps")


@pytest.mark.parametrize("no", ["false", "0", "no", "off", "False"])
def test_auto_migrate_false_does_nothing_and_exits_0(no: str) -> None:
    ended = run("run", AUTO_MIGRATE=no)
    assert ended.exit_code == 0
    assert ended.events == ["run.started", "run.finished"]
    assert "AUTO_MIGRATE=false is honoured" in ended.lines[0]["message"]
    assert ended.report["outcome"] == "up_to_date"


def test_the_order_in_which_the_address_is_looked_for() -> None:
    environ = {
        "MIGRATOR_DATABASE_URL": "postgresql://a/db",
        "DATABASE_UNPOOLED_URL": "postgresql://b/db",
        "DATABASE_URL": "postgresql://c/db",
        "PGHOST": "d",
    }
    flag: dict[str, str | None] = {"database_url": "postgresql://flag/db"}
    found = [str(settings.target(flag, environ, []))]
    for name in list(environ):
        found.append(str(settings.target({}, environ, [])))
        del environ[name]
    assert found == ["flag/db", "a/db", "b/db", "c/db", "d/"]


def test_no_database_at_all_ends_with_78_and_a_report() -> None:
    ended = run("run")
    assert ended.exit_code == 78
    assert ended.events == ["run.finished"]
    assert ended.report["outcome"] == "refused"
    assert "MIGRATOR_DATABASE_URL" in ended.report["error"]["message"]


def test_a_wrong_setting_ends_with_78_before_anything_is_tried() -> None:
    ended = run("run", url="postgresql://u:secret-word@h/db", MIGRATOR_LOCK_WAITS="1")
    assert ended.exit_code == 78
    assert ended.report["error"]["kind"] == "configuration"
    assert "did you mean MIGRATOR_LOCK_WAIT?" in ended.report["error"]["message"]
    assert "secret-word" not in ended.output


@pytest.mark.parametrize(
    "line",
    [("run", "--no-such-flag"), ("run", "extra"), ("--targt", "x"), ("run", "--target"), ("-x",)],
)
def test_a_wrong_line_ends_with_64_a_sentence_and_a_report(line: tuple[str, ...]) -> None:
    ended = run(*line, url="postgresql://u@h/db")
    assert ended.exit_code == 64
    assert ended.report["error"]["kind"] == "usage"
    assert ended.report["exit_code"] == 64
    assert ended.report["error"]["message"] in ended.stderr


def test_an_unknown_command_ends_with_64() -> None:
    ended = run("migrate")
    assert ended.exit_code == 64
    assert "No such command 'migrate'" in ended.stderr


def test_a_report_that_could_not_be_written_is_refused_before_the_run() -> None:
    assert "no directory '/nowhere'" in problems(MIGRATOR_REPORT="/nowhere/report.json")
