"""What machines read of the web process: probes and Prometheus."""

from __future__ import annotations

from typing import Any

import pytest
import redis as redis_py
from prometheus_client.parser import text_string_to_metric_families

from worker.access import AccessTokens


def counted(visit: Any, **headers: str) -> dict[tuple[str, str], float]:
    text = visit.get("/metrics", **headers).text
    return {
        (sample.labels["area"], sample.labels["status"]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "tiktok_events_web_request_seconds_count" and sample.value
    }


def test_answers_are_counted_by_area_and_status(visit: Any) -> None:
    for path in ("/", "/audit", "/overview.json", "/static/style.css", "/healthz", "/nothing"):
        visit.get(path).close()
    visit.post("/destinations/stores/pause", {"csrf_token": "wrong"})
    assert counted(visit) == {
        ("page", "2xx"): 2,
        ("api", "2xx"): 1,
        ("static", "2xx"): 1,
        ("health", "2xx"): 1,
        ("other", "4xx"): 1,
        ("action", "4xx"): 1,
    }


def test_metrics_need_a_token_once_there_is_one(visit: Any, redis: redis_py.Redis) -> None:
    text = AccessTokens(redis).create("prometheus", ["read"]).text
    refused = visit.get("/metrics", Accept="*/*")
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"].startswith("Bearer")
    assert "an access token with the scope read" in refused.json["detail"]
    assert counted(visit, Authorization=f"Bearer {text}", Accept="*/*") == {("page", "4xx"): 1}


@pytest.mark.parametrize("probe", ["/healthz", "/readyz"])
def test_a_probe_needs_neither_token_nor_name(
    make_app: Any, make_visit: Any, redis: redis_py.Redis, probe: str
) -> None:
    AccessTokens(redis).create("anna", ["read"])
    app = make_app(host="0.0.0.0", allowed_hosts=frozenset({"cockpit.example"}))
    assert make_visit(app, address="10.0.0.5").get(probe, Host="10.1.2.3:8000").status_code == 200
