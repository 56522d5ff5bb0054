"""deploy/kubernetes/: rendered as a user would, validated by the official schemas, and read."""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
from functools import cache
from typing import TYPE_CHECKING, Any

import kubernetes_validate
import pytest
import yaml

from migrator.errors import BusyError, UnreachableError
from tests.deploy import files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BASE = "kubernetes/base"
HELM = "kubernetes/overlays/helm-hook"
ARGO = "kubernetes/overlays/argo-cd"
INIT = "kubernetes/overlays/init-container"
KUSTOMIZATIONS = [BASE, HELM, ARGO, INIT]
VERSIONS = ["1.31", "1.37"]
"""The first with podFailurePolicy as a finished feature, and the newest we have the schemas of."""

WORTH_ANOTHER_TRY = {UnreachableError.exit_code, BusyError.exit_code, 74, 124, 137, 143}
"""The contract's, but SIGINT, which Kubernetes does not send; with SIGKILL. 74 is the backup
store's, 124 the run's own deadline."""

FREE = {"labels", "matchLabels", "annotations", "requests", "limits", "drop"}
"""Keys whose own keys are the user's: a schema cannot know them, the tests below do."""

MISSING = "no kubectl here, so nothing is rendered; .ci/with-kubectl make test brings one"

REFUSED = (kubernetes_validate.ValidationError, KeyError)
"""A KeyError where apiVersion or kind is missing, by which the schema is found."""


def covered() -> set[str]:
    """Give the files that go into what is rendered here."""
    found = set()
    for folder in KUSTOMIZATIONS:
        kustomization = files.content(f"{folder}/kustomization.yaml")
        parts = [
            *kustomization["resources"],
            *(p.get("path") for p in kustomization.get("patches", ())),
        ]
        found |= {f"{folder}/{part}" for part in parts if part and part.endswith(".yaml")}
        found.add(f"{folder}/kustomization.yaml")
    return found


def kustomize(folder: Path) -> subprocess.CompletedProcess[str]:
    """Render a folder with kubectl; skips where there is none, which CI must not."""
    if not shutil.which("kubectl"):
        assert "CI" not in os.environ, MISSING
        pytest.skip(MISSING)
    return subprocess.run(
        ["kubectl", "kustomize", folder],  # noqa: S607 - the user's own
        capture_output=True,
        text=True,
        check=False,
    )


@cache
def rendered(folder: str) -> list[dict[str, Any]]:
    """Give the objects that a folder renders to."""
    ended = kustomize(files.DEPLOY / folder)
    assert ended.returncode == 0, ended.stderr
    assert not ended.stderr  # kustomize warns there of what it will not accept for long
    return list(yaml.safe_load_all(ended.stdout))


def only(folder: str, kind: str) -> dict[str, Any]:
    """Give the one object of a folder, which is of this kind."""
    (found,) = rendered(folder)
    assert found["kind"] == kind
    return found


def pod(found: dict[str, Any]) -> dict[str, Any]:
    """Give the pod of a Job or Deployment."""
    spec: dict[str, Any] = found["spec"]["template"]["spec"]
    return spec


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("folder", KUSTOMIZATIONS)
def test_every_object_is_one_that_kubernetes_accepts(folder: str, version: str) -> None:
    for found in rendered(folder):
        kubernetes_validate.validate(found, version, strict=True)


@pytest.mark.parametrize(("folder", "kind"), [(HELM, "Job"), (INIT, "Deployment")])
def test_the_schemas_refuse_each_key_if_it_is_misspelt(folder: str, kind: str) -> None:
    found = only(folder, kind)
    tried = 0
    for where, key in _places(found):
        wrong = copy.deepcopy(found)
        above = wrong
        for step in where:
            above = above[step]
        above[f"{key}x"] = above.pop(key)
        with pytest.raises(REFUSED):
            kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)
        tried += 1
    assert tried > 40


def _places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:  # noqa: ANN401 - any part of an object
    """Give where each key of an object stands."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield above, key
            if key not in FREE:
                yield from _places(below, (*above, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _places(item, (*above, number))


def test_the_kustomization_of_the_page_gives_the_job_its_release_and_its_image(
    tmp_path: Path,
) -> None:
    page = (files.ROOT / "docs/how-to/deploy/kubernetes.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    shutil.copytree(files.DEPLOY / "kubernetes", tmp_path / "kubernetes")
    (tmp_path / "kustomization.yaml").write_text(block)
    ended = kustomize(tmp_path)
    assert ended.returncode == 0, ended.stderr
    found = yaml.safe_load(ended.stdout)
    assert found["metadata"]["name"] == "migrator-release-41"
    assert pod(found)["containers"][0]["image"] == "registry.example.com/shop:release-41"


@pytest.mark.parametrize("folder", KUSTOMIZATIONS)
def test_kustomize_refuses_a_misspelt_key(folder: str, tmp_path: Path) -> None:
    shutil.copytree(files.DEPLOY / "kubernetes", tmp_path / "kubernetes")
    written = tmp_path / folder / "kustomization.yaml"
    written.write_text(written.read_text().replace("resources:", "resuorces:"))
    assert kustomize(tmp_path / folder).returncode != 0


def test_a_pod_that_a_node_evicted_is_not_counted() -> None:
    first = only(BASE, "Job")["spec"]["podFailurePolicy"]["rules"][0]
    condition = {"type": "DisruptionTarget", "status": "True"}
    assert first == {"action": "Ignore", "onPodConditions": [condition]}


def test_the_job_fails_at_once_on_every_exit_code_that_is_not_worth_another_try() -> None:
    rules = only(BASE, "Job")["spec"]["podFailurePolicy"]["rules"]
    assert len(rules) == 2
    assert rules[1] == {
        "action": "FailJob",
        "onExitCodes": {
            "containerName": "migrator",
            "operator": "NotIn",
            "values": sorted(WORTH_ANOTHER_TRY),
        },
    }


def test_the_failure_policy_has_what_it_needs() -> None:
    spec = only(BASE, "Job")["spec"]
    assert spec["template"]["spec"]["restartPolicy"] == "Never"
    assert spec["podReplacementPolicy"] == "Failed"
    assert spec["backoffLimit"] > 0
    assert spec["ttlSecondsAfterFinished"] > 0


@pytest.mark.parametrize(("folder", "kind"), [(BASE, "Job"), (INIT, "Deployment")])
def test_a_pod_keeps_to_the_restricted_profile(folder: str, kind: str) -> None:
    """kubernetes.io/docs/concepts/security/pod-security-standards, and more of our own."""
    spec = pod(only(folder, kind))
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 10001,
        "runAsGroup": 10001,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert {"hostNetwork", "hostPID", "hostIPC"}.isdisjoint(spec)
    assert all(set(volume) == {"name", "emptyDir"} for volume in spec["volumes"])
    for container in [*spec["containers"], *spec.get("initContainers", ())]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@pytest.mark.parametrize(("folder", "kind"), [(BASE, "Job"), (INIT, "Deployment")])
def test_a_pod_has_time_to_stop_and_a_place_to_write(folder: str, kind: str) -> None:
    spec = pod(only(folder, kind))
    container = spec.get("initContainers", spec["containers"])[0]
    assert spec["terminationGracePeriodSeconds"] == 60
    assert container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108 - the mount
    assert container["terminationMessagePath"] == "/dev/termination-log"


@pytest.mark.parametrize(("folder", "kind"), [(BASE, "Job"), (INIT, "Deployment")])
def test_a_container_asks_for_what_it_needs_and_its_memory_has_a_limit(
    folder: str, kind: str
) -> None:
    spec = pod(only(folder, kind))
    for container in [*spec["containers"], *spec.get("initContainers", ())]:
        assert set(container["resources"]["requests"]) == {"cpu", "memory"}
        assert set(container["resources"]["limits"]) == {"memory"}


@pytest.mark.parametrize(
    ("folder", "kind", "name"), [(BASE, "Job", "migrator"), (INIT, "Deployment", "shop")]
)
def test_an_object_and_its_pods_have_the_label_by_which_the_page_finds_them(
    folder: str, kind: str, name: str
) -> None:
    found = only(folder, kind)
    labels = {"app.kubernetes.io/name": name}
    assert found["metadata"] == {"name": name, "labels": labels}
    assert found["spec"]["template"]["metadata"] == {"labels": labels}


def test_the_address_comes_from_a_secret() -> None:
    variable = pod(only(BASE, "Job"))["containers"][0]["env"][0]
    assert variable == {
        "name": "MIGRATOR_DATABASE_URL",
        "valueFrom": {"secretKeyRef": {"name": "migrator-database", "key": "url"}},
    }


def test_the_init_container_is_the_jobs_container() -> None:
    (container,) = pod(only(INIT, "Deployment"))["initContainers"]
    assert container == pod(only(BASE, "Job"))["containers"][0]


def test_a_deployment_selects_the_pods_that_it_makes() -> None:
    spec = only(INIT, "Deployment")["spec"]
    assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]


@pytest.mark.parametrize(
    ("folder", "annotations"),
    [
        (
            HELM,
            {
                "helm.sh/hook": "pre-install,pre-upgrade",
                "helm.sh/hook-weight": "0",
                "helm.sh/hook-delete-policy": "before-hook-creation",
            },
        ),
        (
            ARGO,
            {
                "argocd.argoproj.io/hook": "PreSync",
                "argocd.argoproj.io/hook-delete-policy": "BeforeHookCreation",
            },
        ),
    ],
)
def test_an_overlay_adds_the_annotations_of_its_tool_and_nothing_else(
    folder: str, annotations: dict[str, str]
) -> None:
    """helm.sh/docs/topics/charts_hooks; argo-cd.readthedocs.io, resource hooks."""
    found = copy.deepcopy(only(folder, "Job"))
    assert found["metadata"].pop("annotations") == annotations
    assert found == only(BASE, "Job")
