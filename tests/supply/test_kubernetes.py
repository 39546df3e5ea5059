"""The manifests keep to the schemas of the API and to the rest of the product: commands, probes, variables, metrics."""

from __future__ import annotations

import base64
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import kubernetes_validate
import pytest
import tomllib
import yaml

from worker.cli.main import main as commands
from worker.config.load import build
from worker.config.schema import DestinationSchema
from worker.environment import VARIABLES
from worker.web.settings import WebSettings

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docker" / "kubernetes"
VERSIONS = ("1.31", "1.34", kubernetes_validate.latest_version())
OPERATORS = ("keda.sh/v1alpha1", "monitoring.coreos.com/v1")
"""Whose kinds the API's schemas do not have."""


def _documents() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(FOLDER.rglob("*.yaml")):
        if file.name != "kustomization.yaml":
            for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
                yield f"{document['kind']} {document['metadata']['name']}", document


DOCUMENTS = dict(_documents())
DEPLOYMENTS = {name: document for name, document in DOCUMENTS.items() if document["kind"] == "Deployment"}
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")


def pod_of(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = DOCUMENTS[f"Deployment {name}"]["spec"]["template"]["spec"]
    return spec


def container_of(name: str) -> dict[str, Any]:
    (container,) = pod_of(name)["containers"]
    return dict(container)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", [name for name, each in DOCUMENTS.items() if each["apiVersion"] not in OPERATORS])
def test_it_is_what_the_api_takes(name: str, version: str) -> None:
    kubernetes_validate.validate(DOCUMENTS[name], version, strict=True)


def test_a_field_that_the_api_does_not_have_would_be_found() -> None:
    wrong = DOCUMENTS["Deployment worker"] | {"spec": {**DOCUMENTS["Deployment worker"]["spec"], "replica": 2}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[-1], strict=True)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not here")
@pytest.mark.parametrize("folder", ["base", "autoscaling"])
def test_kustomize_joins_them_and_the_whole_is_what_the_api_takes(folder: str) -> None:
    done = subprocess.run(["kubectl", "kustomize", FOLDER / folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    whole = list(yaml.safe_load_all(done.stdout))
    for document in whole:
        assert document["metadata"]["namespace"] == "tiktok-events"
        if document["apiVersion"] not in OPERATORS:
            kubernetes_validate.validate(document, VERSIONS[-1], strict=True)
    (worker,) = (each for each in whole if each["kind"] == "Deployment" and each["metadata"]["name"] == "worker")
    assert ("replicas" in worker["spec"]) == (folder == "base")
    (config,) = (each["metadata"]["name"] for each in whole if each["kind"] == "ConfigMap")
    assert config != "destinations", "a change of the file rolls the workers"
    assert worker["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"] == config


@pytest.mark.parametrize("name", ["worker", "web"])
def test_a_pod_runs_as_the_images_user_without_rights_and_writes_to_memory_only(name: str) -> None:
    pod, container = pod_of(name), container_of(name)
    (user,) = re.findall(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE)
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == int(user)
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert {each["mountPath"] for each in container["volumeMounts"] if not each.get("readOnly")} == {"/tmp"}


def test_the_worker_is_the_images_command_with_a_number_of_processes() -> None:
    (line,) = re.findall(r"^CMD \[(.*)\]$", DOCKERFILE, re.MULTILINE)
    images = [word.strip(' "') for word in line.split(",")]
    command = container_of("worker")["command"]
    assert command[: len(images)] == images
    assert command[len(images) :] == ["--concurrency", "2"]


def test_the_web_command_exists_and_its_probes_ask_by_a_name_that_is_allowed() -> None:
    container = container_of("web")
    python, dash, module, command, *options = container["command"]
    assert (python, dash, module) == ("python", "-m", "worker")
    found = commands.get_command(click.Context(commands), command)
    assert found is not None
    with found.make_context(command, options) as made:
        allowed = WebSettings(host=made.params["host"], allowed_hosts=frozenset(made.params["allowed_hosts"]))
        port = made.params["port"]
    assert allowed.allowed_hosts
    assert [each["containerPort"] for each in container["ports"]] == [port]
    for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        asked = container[probe]["httpGet"]
        assert asked["path"] == path
        assert {each["name"]: each["value"] for each in asked["httpHeaders"]}["Host"] in allowed.allowed_hosts


def test_a_worker_is_probed_where_it_tells_its_health_and_has_time_to_settle() -> None:
    container = container_of("worker")
    settings = {each["name"]: each["value"] for each in container["env"]}
    assert settings == {"METRICS_PORT": "9464", "METRICS_HOST": "0.0.0.0"}
    assert [(each["name"], each["containerPort"]) for each in container["ports"]] == [("metrics", 9464)]
    for probe in ("startupProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/healthz", "port": "metrics"}
    fields = DestinationSchema().fields
    needed = fields["take_back_after_seconds"].load_default / 2 + fields["timeout_seconds"].load_default
    assert pod_of("worker")["terminationGracePeriodSeconds"] > needed


def test_variables_are_those_that_are_read() -> None:
    config = tomllib.loads((FOLDER / "base" / "destinations.toml").read_text())
    secret = DOCUMENTS["Secret tiktok-events"]["stringData"]
    filled = {**secret, "TIKTOK_EVENTS_ENCRYPTION_KEYS": f"k1:{base64.b64encode(bytes(32)).decode()}"}
    assert build(config, filled, source="kubernetes").destinations
    named = set(re.findall(r"\$\{(\w+)\}", str(config)))
    assert set(secret) <= set(VARIABLES) | named
    for name in ("worker", "web"):
        container = container_of(name)
        assert {each["name"] for each in container.get("env", ())} <= set(VARIABLES)
        assert container["envFrom"] == [{"secretRef": {"name": "tiktok-events"}}]


SELECTORS = [
    ("worker", DOCUMENTS["PodDisruptionBudget worker"]["spec"]["selector"]["matchLabels"]),
    ("worker", DOCUMENTS["NetworkPolicy worker"]["spec"]["podSelector"]["matchLabels"]),
    ("worker", DOCUMENTS["PodMonitor worker"]["spec"]["selector"]["matchLabels"]),
    ("web", DOCUMENTS["PodDisruptionBudget web"]["spec"]["selector"]["matchLabels"]),
    ("web", DOCUMENTS["NetworkPolicy web"]["spec"]["podSelector"]["matchLabels"]),
    ("web", DOCUMENTS["Service web"]["spec"]["selector"]),
]


@pytest.mark.parametrize(("name", "selector"), SELECTORS)
def test_what_selects_pods_selects_those_of_one_deployment(name: str, selector: dict[str, str]) -> None:
    found = [
        each["metadata"]["name"]
        for each in DEPLOYMENTS.values()
        if selector.items() <= each["spec"]["template"]["metadata"]["labels"].items()
    ]
    assert found == [name]


def test_the_policy_for_both_is_for_both_and_lets_nobody_reach_the_metadata() -> None:
    policy = DOCUMENTS["NetworkPolicy both"]["spec"]
    for each in DEPLOYMENTS.values():
        assert policy["podSelector"]["matchLabels"].items() <= each["spec"]["template"]["metadata"]["labels"].items()
    blocks = [to["ipBlock"] for rule in policy["egress"] for to in rule.get("to", ()) if "ipBlock" in to]
    assert blocks == [{"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}]


def test_workers_are_scaled_by_backlog_and_age() -> None:
    scaled = DOCUMENTS["ScaledObject worker"]["spec"]
    assert scaled["scaleTargetRef"] == {"name": "worker"}
    assert 1 < scaled["minReplicaCount"] <= scaled["fallback"]["replicas"] <= scaled["maxReplicaCount"]
    queries = {each["name"]: each["metadata"]["query"] for each in scaled["triggers"]}
    assert "tiktok_events_backlog" in queries["backlog"]
    assert "tiktok_events_oldest_seconds" in queries["age"]
    assert all(float(each["metadata"]["threshold"]) > 0 for each in scaled["triggers"])
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```promql\n(.*?)```", page, re.DOTALL)
    # That every name and label in them is told is checked there: tests/metrics/test_dashboard_and_alerts.py.
    assert list(queries.values()) == block.splitlines()
