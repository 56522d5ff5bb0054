"""The files whose format has a schema in a package: Compose's, and that of Amazon's own client."""

from __future__ import annotations

import subprocess
import sys

import botocore.session
import botocore.validate
import pytest

from tests.deploy import files

COMPOSE = "compose/compose.yaml"
ECS = "ecs/task-definition.json"
COVERED = {COMPOSE, ECS}


def test_compose_accepts_every_key() -> None:
    """The schema of the Compose specification, as check-jsonschema carries it."""
    line = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    ended = subprocess.run(
        [*line, files.DEPLOY / COMPOSE], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_compose_starts_the_application_after_the_migration_and_that_after_the_database() -> None:
    services = files.content(COMPOSE)["services"]
    assert services["app"]["depends_on"] == {
        "migrate": {"condition": "service_completed_successfully"}
    }
    assert services["migrate"]["depends_on"] == {"db": {"condition": "service_healthy"}}
    assert services["migrate"]["restart"] == "no"


def test_compose_asks_the_database_by_tcp_which_answers_only_when_it_is_ready() -> None:
    health = files.content(COMPOSE)["services"]["db"]["healthcheck"]["test"]
    assert health[:2] == ["CMD", "pg_isready"]
    assert "--host=127.0.0.1" in health


def test_compose_gives_all_three_the_same_database() -> None:
    """The variables are those of the Postgres image, and what the application reads."""
    services = files.content(COMPOSE)["services"]
    made = services["db"]["environment"]
    assert set(made) == {"POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD"}
    user, name = made["POSTGRES_USER"], made["POSTGRES_DB"]
    address = f"postgresql://{user}:${{POSTGRES_PASSWORD}}@db:5432/{name}"
    assert services["app"]["environment"] == {"DATABASE_URL": address}
    assert services["migrate"]["environment"]["MIGRATOR_DATABASE_URL"] == address


def test_compose_keeps_the_data_in_a_volume_that_it_makes() -> None:
    held = files.content(COMPOSE)
    mounts = [mount.partition(":") for mount in held["services"]["db"]["volumes"]]
    assert mounts == [(name, ":", "/var/lib/postgresql") for name in held["volumes"]]


def test_ecs_accepts_every_key() -> None:
    """The model of RegisterTaskDefinition in botocore, Amazon's own client."""
    model = botocore.session.get_session().get_service_model("ecs")
    shape = model.operation_model("RegisterTaskDefinition").input_shape
    report = botocore.validate.ParamValidator().validate(files.content(ECS), shape)
    assert not report.has_errors(), report.generate_report()


@pytest.mark.parametrize(
    ("shape", "word"),
    [
        ("Compatibility", "FARGATE"),
        ("NetworkMode", "awsvpc"),
        ("LogDriver", "awslogs"),
    ],
)
def test_ecs_knows_the_word(shape: str, word: str) -> None:
    model = botocore.session.get_session().get_service_model("ecs")
    assert word in model.shape_for(shape).enum
    assert f'"{word}"' in files.text(ECS)


def test_ecs_gives_the_address_as_a_secret() -> None:
    container = files.content(ECS)["containerDefinitions"][0]
    assert [secret["name"] for secret in container["secrets"]] == ["MIGRATOR_DATABASE_URL"]
    assert set(container["logConfiguration"]["options"]) == {
        "awslogs-group",
        "awslogs-region",
        "awslogs-stream-prefix",
    }
