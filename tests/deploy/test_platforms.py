"""The files of the platforms that publish no schema: each key is one that its documentation names.

The sets are closed and compared exactly, so a key that is misspelt, missing or new fails.
"""

from __future__ import annotations

import re

import pytest

from tests.deploy import files

RAILWAY_JSON = {
    "$schema",
    "build",
    "build.builder",
    "build.dockerfilePath",
    "deploy",
    "deploy.preDeployCommand",
    "deploy.preDeployTimeoutSeconds",
    "deploy.restartPolicyType",
}
"""docs.railway.com/config-as-code/reference, and the published railway.schema.json.

The page does not list preDeployTimeoutSeconds; the schema does.
"""

RAILWAY_JSON_OF_AN_APPLICATION = RAILWAY_JSON | {
    "deploy.startCommand",
    "deploy.healthcheckPath",
    "deploy.healthcheckTimeout",
    "deploy.restartPolicyMaxRetries",
}

PROCFILE = {"release", "web"}
"""devcenter.heroku.com/articles/procfile and /release-phase;
dokku.com/docs/advanced-usage/deployment-tasks."""

FLY = {
    "app",
    "primary_region",
    "build",
    "build.dockerfile",
    "deploy",
    "deploy.release_command",
    "deploy.release_command_timeout",
    "env",
    "env.MIGRATOR_DEADLINE",
    "http_service",
    "http_service.internal_port",
    "http_service.force_https",
}
"""fly.io/docs/reference/configuration."""

RENDER = {
    "services",
    "services[].type",
    "services[].name",
    "services[].runtime",
    "services[].plan",
    "services[].dockerfilePath",
    "services[].preDeployCommand",
    "services[].healthCheckPath",
    "services[].envVars",
    "services[].envVars[].key",
    "services[].envVars[].value",
    "services[].envVars[].fromDatabase",
    "services[].envVars[].fromDatabase.name",
    "services[].envVars[].fromDatabase.property",
    "databases",
    "databases[].name",
    "databases[].plan",
}
"""render.com/docs/blueprint-spec."""

_DIGITALOCEAN_COMPONENT = {
    "name",
    "github",
    "github.repo",
    "github.branch",
    "dockerfile_path",
    "envs",
    "envs[].key",
    "envs[].scope",
    "envs[].value",
}
DIGITALOCEAN = (
    {"name", "jobs", "services", "databases"}
    | {f"{kind}[].{key}" for kind in ("jobs", "services") for key in _DIGITALOCEAN_COMPONENT}
    | {
        "jobs[].kind",
        "jobs[].run_command",
        "jobs[].instance_size_slug",
        "jobs[].instance_count",
        "jobs[].termination",
        "jobs[].termination.grace_period_seconds",
        "services[].github.deploy_on_push",
        "services[].http_port",
        "databases[].name",
        "databases[].engine",
        "databases[].production",
        "databases[].cluster_name",
    }
)
"""docs.digitalocean.com/products/app-platform/reference/app-spec."""

_CLOUD_RUN_TASK = "spec.template.spec.template.spec"
CLOUD_RUN = {
    "apiVersion",
    "kind",
    "metadata",
    "metadata.name",
    "spec",
    "spec.template",
    "spec.template.spec",
    "spec.template.spec.parallelism",
    "spec.template.spec.taskCount",
    "spec.template.spec.template",
    _CLOUD_RUN_TASK,
    f"{_CLOUD_RUN_TASK}.maxRetries",
    f"{_CLOUD_RUN_TASK}.timeoutSeconds",
    f"{_CLOUD_RUN_TASK}.serviceAccountName",
    f"{_CLOUD_RUN_TASK}.containers",
    f"{_CLOUD_RUN_TASK}.containers[].image",
    f"{_CLOUD_RUN_TASK}.containers[].command",
    f"{_CLOUD_RUN_TASK}.containers[].env",
    f"{_CLOUD_RUN_TASK}.containers[].env[].name",
    f"{_CLOUD_RUN_TASK}.containers[].env[].value",
    f"{_CLOUD_RUN_TASK}.containers[].env[].valueFrom",
    f"{_CLOUD_RUN_TASK}.containers[].env[].valueFrom.secretKeyRef",
    f"{_CLOUD_RUN_TASK}.containers[].env[].valueFrom.secretKeyRef.name",
    f"{_CLOUD_RUN_TASK}.containers[].env[].valueFrom.secretKeyRef.key",
    f"{_CLOUD_RUN_TASK}.containers[].resources",
    f"{_CLOUD_RUN_TASK}.containers[].resources.limits",
    f"{_CLOUD_RUN_TASK}.containers[].resources.limits.cpu",
    f"{_CLOUD_RUN_TASK}.containers[].resources.limits.memory",
}
"""docs.cloud.google.com/run/docs/reference/yaml/v1, the resource Job of namespaces.jobs."""

KEYS = {
    "../railway.json": RAILWAY_JSON,
    "railway/railway.json": RAILWAY_JSON_OF_AN_APPLICATION,
    "heroku/Procfile": PROCFILE,
    "dokku/Procfile": PROCFILE,
    "fly/fly.toml": FLY,
    "render/render.yaml": RENDER,
    "digitalocean/app.yaml": DIGITALOCEAN,
    "cloud-run/job.yaml": CLOUD_RUN,
}
RAILWAY_TS = "railway/.railway/railway.ts"
COVERED = {*KEYS, RAILWAY_TS}

WORDS = {
    "../railway.json": {"DOCKERFILE", "NEVER"},
    "railway/railway.json": {"DOCKERFILE", "ON_FAILURE"},
    RAILWAY_TS: {"DOCKERFILE", "ON_FAILURE"},
    "digitalocean/app.yaml": {"PRE_DEPLOY", "RUN_TIME", "PG"},
}
"""Values that are words of the platform's: builders, policies, kinds, scopes, engines."""


@pytest.mark.parametrize("name", KEYS)
def test_every_key_is_one_that_the_platform_documents(name: str) -> None:
    assert set(files.key_paths(files.content(name))) == KEYS[name]


@pytest.mark.parametrize("name", WORDS)
def test_every_word_of_the_platform_is_one_that_it_documents(name: str) -> None:
    written = re.findall(r"\b[A-Z]+(?:_[A-Z]+)*\b", _without_names(files.text(name)))
    assert set(written) == WORDS[name]


def _without_names(text: str) -> str:
    """Leave out comments, references, and the names of variables."""
    return re.sub(r"//.*|\$\{.*?\}|[\w.]*(?:DATABASE_URL|MIGRATOR_\w+)", "", text)


def test_render_reads_the_connection_string_of_a_database_that_it_makes() -> None:
    held = files.content("render/render.yaml")
    service = held["services"][0]
    wanted = [each["fromDatabase"] for each in service["envVars"] if "fromDatabase" in each]
    names = [each["name"] for each in held["databases"]]
    assert wanted == [{"name": name, "property": "connectionString"} for name in names]
    assert (service["type"], service["runtime"]) == ("web", "docker")


def test_digitalocean_reads_the_address_of_a_database_that_it_makes() -> None:
    held = files.content("digitalocean/app.yaml")
    names = [each["name"] for each in held["databases"]]
    read = re.findall(r"\$\{(\w+)\.DATABASE_URL\}", files.text("digitalocean/app.yaml"))
    assert set(read) == set(names)


def test_cloud_run_is_told_which_api_and_how_often_to_try() -> None:
    held = files.content("cloud-run/job.yaml")
    assert (held["apiVersion"], held["kind"]) == ("run.googleapis.com/v1", "Job")
    assert held["spec"]["template"]["spec"]["template"]["spec"]["maxRetries"] == 1


def test_railways_schema_is_named_where_editors_look_for_it() -> None:
    for name in ("../railway.json", "railway/railway.json"):
        held = files.content(name)
        assert held["$schema"] == "https://railway.com/railway.schema.json"


IMPORTED = {"defineRailway", "github", "postgres", "project", "service"}
NAMED_IN_RAILWAY_TS = IMPORTED | {
    *("import", "from", "const", "export", "default", "return"),
    *("db", "limits", "shop"),
    *("resources", "source", "branch", "build", "builder", "dockerfilePath", "deploy", "env"),
    *("healthcheckPath", "healthcheckTimeout", "preDeployCommand", "preDeployTimeoutSeconds"),
    *("restartPolicyMaxRetries", "restartPolicyType", "startCommand"),
    *("DATABASE_URL", "MIGRATOR_DEADLINE"),
}
"""railway/iac of the npm package railway 3.11, preDeployTimeoutSeconds of the schema, and the
words and names of the file's own: every one that stands outside a string."""


def test_the_infrastructure_as_code_form_has_only_names_of_the_package_railway() -> None:
    code = re.sub(r"//.*", "", files.text(RAILWAY_TS))
    imported = re.search(r'import \{ (.*) \} from "railway/iac";', code)
    assert imported
    assert set(imported[1].split(", ")) == IMPORTED
    bare = re.sub(r'"[^"]*"', '""', code)
    assert set(re.findall(r"[A-Za-z_]\w*", bare)) == NAMED_IN_RAILWAY_TS
    assert "DATABASE_URL: db.env.DATABASE_URL," in code


def test_the_two_forms_for_railway_say_the_same() -> None:
    code = files.text(RAILWAY_TS)
    held = files.content("railway/railway.json")
    for key, value in {**held["build"], **held["deploy"]}.items():
        said = f'["{value[0]}"]' if isinstance(value, list) else value
        said = f'"{value}"' if isinstance(value, str) else said
        assert re.search(rf"\b{key}: {re.escape(str(said))}[ ,]", code), key
