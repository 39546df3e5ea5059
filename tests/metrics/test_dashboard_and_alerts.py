"""Dashboard and alerts ask only for what is told: every metric, label and value of every expression is in the list."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from worker.metrics.names import ALL, LABELS, Metric

ROOT = Path(__file__).parents[2]
DASHBOARD = json.loads((ROOT / "docs" / "grafana.json").read_text())
ALERTS = [
    rule for group in yaml.safe_load((ROOT / "docs" / "alerts.yaml").read_text())["groups"] for rule in group["rules"]
]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text()
METRICS_PAGE = (ROOT / "docs" / "metrics.md").read_text()

STORED: dict[str, Metric] = {sample: metric for metric in ALL.values() for sample in metric.samples()}
FUNCTIONS = {"sum", "max", "min", "count", "rate", "increase", "histogram_quantile", "absent", "vector"}
WORDS = FUNCTIONS | {"by", "on", "unless", "or", "and", "without", "ignoring"}
ADDED_BY_PROMETHEUS = {"le", "instance", "job"}


def expressions() -> Iterator[tuple[str, str]]:
    for rule in ALERTS:
        yield rule["alert"], rule["expr"]
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for block in re.findall(r"```promql\n(.*?)```", METRICS_PAGE, re.DOTALL):
        for line in block.splitlines():
            yield "docs/metrics.md", line


EXPRESSIONS = list(expressions())


def faults(expression: str) -> list[str]:
    """What an expression asks for that nobody tells."""
    found = []
    rest = expression
    labels_told = set(ADDED_BY_PROMETHEUS)
    for name, selector in re.findall(r"([a-zA-Z_:][\w:]*)(\{[^}]*\})?", expression):
        if name not in STORED:
            continue
        labels_told |= set(STORED[name].labels)
        for label, operator, wanted in re.findall(r'(\w+)\s*(=~|!=|!~|=)\s*"([^"]*)"', selector):
            if label not in STORED[name].labels:
                found.append(f"{name} has no label {label}")
            elif wanted != "$destination":
                values = wanted.split("|") if "~" in operator else [wanted]
                found += [f"{label} is never {each}" for each in values if each not in LABELS[label][1]]
    for grouped in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", expression):
        found += [f"grouped by {each}" for each in re.findall(r"\w+", grouped) if each not in labels_told]
    rest = re.sub(r"\{[^}]*\}|\[[^]]*\]|\b(?:by|on)\s*\([^)]*\)", " ", rest)
    names = re.findall(r"(?<![\w.])[a-zA-Z_:][\w:]*", rest)
    return found + [f"unknown name {name}" for name in names if name not in STORED and name not in WORDS]


@pytest.mark.parametrize(("place", "expression"), EXPRESSIONS)
def test_what_is_asked_for_is_told(place: str, expression: str) -> None:
    assert faults(expression) == []
    assert any(name in expression for name in ALL)


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("tiktok_events_backlogs", "unknown name tiktok_events_backlogs"),
        ('tiktok_events_backlog{kind="events"}', "tiktok_events_backlog has no label kind"),
        ('tiktok_events_settled_total{fate="lost"}', "fate is never lost"),
        ('tiktok_events_settled_total{fate=~"retried|lost"}', "fate is never lost"),
        ("sum by (email) (tiktok_events_backlog)", "grouped by email"),
        ("tiktok_events_request_seconds", "unknown name tiktok_events_request_seconds"),
        ("sums(tiktok_events_backlog)", "unknown name sums"),
    ],
)
def test_the_check_finds_what_nobody_tells(expression: str, fault: str) -> None:
    assert fault in faults(expression)


def test_every_metric_of_the_fleet_and_of_workers_is_on_the_dashboard_or_alerted_on() -> None:
    text = " ".join(expression for _, expression in EXPRESSIONS)
    assert [name for name in ALL if name not in text] == []


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_alert_has_a_severity_a_summary_and_its_section_in_the_runbook(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"]
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert page == "docs/runbook.md"
    assert re.search(rf"^### {anchor}$", RUNBOOK, re.MULTILINE)


def test_alerts_name_only_labels_that_their_expression_keeps() -> None:
    for rule in ALERTS:
        kept = {each for group in re.findall(r"by \(([^)]*)\)", rule["expr"]) for each in re.findall(r"\w+", group)}
        kept |= {"instance"} if " by " not in rule["expr"] else set()
        assert set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= kept, rule["alert"]


def test_the_dashboard_is_what_its_script_makes() -> None:
    spec = importlib.util.spec_from_file_location("dashboard", ROOT / "docs" / "dashboard.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.text() == module.FILE.read_text(), "run make docs"


def test_no_two_panels_of_the_dashboard_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


@pytest.mark.skipif(
    not shutil.which("promtool") and not os.environ.get("CI"),
    reason="promtool is not on the PATH; the checks above need none",
)
def test_prometheus_itself_understands_every_expression(tmp_path: Path) -> None:
    rules = [
        {
            "record": f"test:{number}",
            "expr": expression.replace("$__rate_interval", "5m").replace("$destination", ".*"),
        }
        for number, (_, expression) in enumerate(EXPRESSIONS)
    ]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "all", "rules": rules}]}))
    for file in (path, ROOT / "docs" / "alerts.yaml"):
        done = subprocess.run(["promtool", "check", "rules", file], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
