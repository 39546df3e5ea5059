"""What stands on the Grafana dashboard? `make docs` writes docs/grafana.json from this list; a test compares."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

FILE = Path(__file__).parent / "grafana.json"

_PAUSED = "max by (destination) (tiktok_events_paused)"
_STAGES = "sum by (stage) (rate(tiktok_events_batch_seconds_{}[$__rate_interval]))"
_D = 'destination=~"$destination"'


class Panel(NamedTuple):
    """One panel; `queries` are (legend, expression). The grid is 24 wide."""

    title: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: str = "timeseries"
    width: int = 8
    about: str = ""


def _fleet(metric: str, by: str = "destination", more: str = "") -> str:
    return f"max by ({by}) (tiktok_events_{metric}{{{_D}{more}}})"


def _rate(metric: str, by: str = "destination", more: str = "") -> str:
    return f"max by ({by}) (rate(tiktok_events_{metric}{{{_D}{more}}}[$__rate_interval]))"


def _quantile(share: float, metric: str, by: str) -> str:
    buckets = f"sum by (le, {by}) (rate(tiktok_events_{metric}_bucket[$__rate_interval]))"
    return f"histogram_quantile({share}, {buckets})"


ROWS: dict[str, tuple[Panel, ...]] = {
    "Now": (
        Panel("Waiting", (("", f"sum({_fleet('backlog')})"),), kind="stat", width=4),
        Panel("Oldest", (("", f"max({_fleet('oldest_seconds')})"),), unit="s", kind="stat", width=4),
        Panel("Retries scheduled", (("", f"sum({_fleet('scheduled')})"),), kind="stat", width=4),
        Panel("Dead letters", (("", f"sum({_fleet('dead_letters', 'destination, reason')})"),), kind="stat", width=4),
        Panel("Destinations paused", (("", f"sum({_PAUSED}) or vector(0)"),), kind="stat", width=4),
        Panel("Stuck workers", (("", "count(tiktok_events_worker_healthy == 0) or vector(0)"),), kind="stat", width=4),
    ),
    "Destinations": (
        Panel(
            "Delivered a second",
            (("{{destination}}", _rate("settled_total", more=', fate="delivered"')),),
            unit="ops",
            about="The fleet's counters are the same from every process: taken by max, not summed.",
        ),
        Panel("Waiting", (("{{destination}}", _fleet("backlog")),)),
        Panel("Age of the oldest", (("{{destination}}", _fleet("oldest_seconds")),), unit="s"),
        Panel("Dead letters a second", (("{{destination}} {{reason}}", _rate("dead_total", "destination, reason")),)),
        Panel(
            "Retried and deferred a second",
            (("{{destination}} {{fate}}", _rate("settled_total", "destination, fate", ', fate=~"retried|deferred"')),),
        ),
        Panel(
            "In flight, scheduled",
            (
                ("{{destination}} in flight", _fleet("in_flight")),
                ("{{destination}} scheduled", _fleet("scheduled")),
            ),
        ),
        Panel(
            "Paused, breaker open",
            (
                ("{{destination}} {{pause}}", f"{_fleet('paused', 'destination, pause')} > 0"),
                ("{{destination}} breaker", f"{_fleet('breaker')} > 0"),
            ),
            kind="table",
        ),
        Panel("Limit in force", (("{{destination}}", _fleet("limit_ratio")),), unit="percentunit"),
        Panel("Requests a second", (("{{destination}}", _rate("requests_total")),), unit="reqps"),
    ),
    "Deliveries": (
        Panel(
            "Answers of TikTok",
            (
                (
                    "{{kind}} {{outcome}}",
                    "sum by (kind, outcome) (rate(tiktok_events_request_seconds_count[$__rate_interval]))",
                ),
            ),
            unit="reqps",
        ),
        Panel(
            "Time of an answer",
            (
                ("p50 {{kind}}", _quantile(0.5, "request_seconds", "kind")),
                ("p99 {{kind}}", _quantile(0.99, "request_seconds", "kind")),
            ),
            unit="s",
        ),
        Panel(
            "From enqueueing to settled, oldest of a batch",
            (
                ("p50 {{kind}}", _quantile(0.5, "batch_age_seconds", "kind")),
                ("p99 {{kind}}", _quantile(0.99, "batch_age_seconds", "kind")),
            ),
            unit="s",
        ),
        Panel("Events in a batch, p50", (("{{kind}}", _quantile(0.5, "batch_events", "kind")),)),
        Panel(
            "Time of a batch's steps",
            (
                (
                    "{{stage}}",
                    f"{_STAGES.format('sum')} / {_STAGES.format('count')}",
                ),
            ),
            unit="s",
        ),
    ),
    "Workers": (
        Panel(
            "Slots",
            (
                ("all", "sum(tiktok_events_worker_slots)"),
                ("busy", "sum(tiktok_events_worker_slots_busy)"),
            ),
        ),
        Panel(
            "CPU",
            (
                (
                    "{{instance}} {{role}}",
                    "sum by (instance, role) (rate(tiktok_events_worker_cpu_seconds_total[$__rate_interval]))",
                ),
            ),
            about="Cores in use.",
        ),
        Panel("Events in hand", (("{{instance}}", "tiktok_events_worker_events"),)),
        Panel("Memory", (("{{instance}} {{role}}", "tiktok_events_worker_memory_bytes"),), unit="bytes"),
        Panel("Longest without progress", (("{{instance}}", "tiktok_events_worker_stalled_seconds"),), unit="s"),
        Panel(
            "Processes started, tasks failed",
            (
                ("{{instance}} started", "increase(tiktok_events_worker_processes_started_total[$__rate_interval])"),
                (
                    "{{instance}} {{task}} failed",
                    'increase(tiktok_events_worker_tasks_total{result="failed"}[$__rate_interval])',
                ),
            ),
        ),
        Panel(
            "Redis memory",
            (
                ("used", "max(tiktok_events_redis_memory_used_bytes)"),
                ("limit", "max(tiktok_events_redis_memory_limit_bytes) > 0"),
            ),
            unit="bytes",
        ),
    ),
    "Web": (
        Panel(
            "Requests a second",
            (
                (
                    "{{area}} {{status}}",
                    "sum by (area, status) (rate(tiktok_events_web_request_seconds_count[$__rate_interval]))",
                ),
            ),
            unit="reqps",
        ),
        Panel("Time of an answer, p99", (("{{area}}", _quantile(0.99, "web_request_seconds", "area")),), unit="s"),
        Panel("CPU", (("{{instance}}", "rate(tiktok_events_web_cpu_seconds_total[$__rate_interval])"),)),
        Panel("Memory", (("{{instance}}", "tiktok_events_web_memory_bytes"),), unit="bytes"),
    ),
}
"""Title of a row: its panels."""

_HEIGHTS = {"stat": 4, "timeseries": 8, "table": 8}
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def dashboard() -> dict[str, Any]:
    """Return the dashboard as Grafana imports it."""
    return {
        "title": "tiktok-events",
        "uid": "tiktok-events",
        "tags": ["tiktok-events"],
        "timezone": "browser",
        "schemaVersion": 39,
        "version": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [_datasource(), _destinations()]},
        "panels": [{"id": number, **panel} for number, panel in enumerate(_placed(), 1)],
    }


def _placed() -> Iterator[dict[str, Any]]:
    y = 0
    for title, panels in ROWS.items():
        yield {"type": "row", "title": title, "collapsed": False, "gridPos": {"h": 1, "w": 24, "x": 0, "y": y}}
        y += 1
        x = height = 0
        for panel in panels:
            if x + panel.width > 24:
                x, y = 0, y + height
            height = _HEIGHTS[panel.kind]
            yield _told(panel) | {"gridPos": {"h": height, "w": panel.width, "x": x, "y": y}}
            x += panel.width
        y += height


def _told(panel: Panel) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.about,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": _SOURCE,
                "expr": expression,
                "legendFormat": legend,
                **({"format": "table", "instant": True} if panel.kind == "table" else {}),
            }
            for number, (legend, expression) in enumerate(panel.queries)
        ],
    }


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Prometheus"}


def _destinations() -> dict[str, Any]:
    return {
        "name": "destination",
        "type": "query",
        "label": "Destination",
        "datasource": _SOURCE,
        "query": "label_values(tiktok_events_backlog, destination)",
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def text() -> str:
    """Return the file."""
    return json.dumps(dashboard(), indent=2) + "\n"


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
