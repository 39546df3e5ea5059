"""What the overview and the audit show, and where the figures come from."""

from __future__ import annotations

import time
from typing import Any

import pytest
import redis as redis_py

from worker import audit
from worker.config.load import build
from worker.keys import UNKNOWN, Keys
from worker.pauses import Pauses
from worker.web import create_app
from worker.workers import Heartbeat

HOSTILE = "<script>alert(1)</script>\"'&\x1b[31m\u202egnp"


def named(number: int) -> Any:
    destination = {"kind": "events", "source": "segment", "credentials": "main", "event_source_id": "7"}
    raw = {
        "credentials": {"main": {"access_token": "${TOKEN}"}},
        "destinations": {f"shop-{each:03}": destination for each in range(number)},
    }
    return build(raw, {"TOKEN": "t"}, source="test")


def test_figures_are_told_by_destination_and_by_minute(make_visit: Any, make_app: Any, redis: redis_py.Redis) -> None:
    now = time.time()
    visit = make_visit(make_app(clock=lambda: now))
    keys, minute = Keys("stores"), int(now // 60)
    for number in range(3):
        redis.xadd(keys.inbox, {"event": "{}", "id": f"e{number}"})
    redis.hset(keys.minute(minute - 5), mapping={"delivered": 7, "retried": 2, "dead": 1, "backlog": 40, "took:64": 7})
    redis.hset(keys.totals, mapping={"delivered": 70, "retried": 20, "dead": 10})
    told = visit.get("/overview.json").json
    assert told["destinations"] == visit.get("/destinations/stores.json").json["destinations"]
    (row,) = told["destinations"]
    assert (row["waiting"], row["delivered"], row["failed"]) == (3, 70, 30)
    assert row["state"] == {"text": "running", "kind": "good", "paused": False, "story": ""}
    place = told["minutes"].index(60 * (minute - 5))
    series = {name: values[place] for name, values in told["series"].items()}
    assert series == {"delivered": 7, "failed": 3, "backlog": 40, "p50_ms": 48.0, "p95_ms": 62.4}


def test_a_minute_in_which_nobody_looked_has_no_backlog(visit: Any) -> None:
    series = visit.get("/overview.json").json["series"]
    assert set(series["backlog"]) == {None}
    assert set(series["p95_ms"]) == {None}
    assert set(series["delivered"]) == {0}


def test_who_is_in_trouble_comes_first(make_app: Any, make_visit: Any, redis: redis_py.Redis) -> None:
    Pauses(redis, Keys("shop-002")).pause("command", detail=HOSTILE, by="x", credential="", now=1.0)
    visit = make_visit(make_app(config=named(3)))
    assert visit.get("/overview.json").json["destinations"][0]["name"] == "shop-002"
    assert "1 of 3 in trouble" in visit.get("/").text


@pytest.mark.parametrize("page", ["/", "/destinations/stores", "/audit"])
def test_what_a_person_wrote_is_shown_as_text(visit: Any, redis: redis_py.Redis, page: str) -> None:
    Pauses(redis, Keys("stores")).pause("command", detail=HOSTILE, by=HOSTILE, credential="", now=1.0)
    audit.record(redis, HOSTILE, destination=HOSTILE, details={HOSTILE: HOSTILE}, by=HOSTILE)
    text = visit.get(page).text
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\\u202egnp" in text


def test_a_name_that_is_not_there_is_no_destination(visit: Any) -> None:
    for path in ("/destinations/other", "/destinations/other.json", "/destinations/<script>"):
        assert visit.get(path).status_code == 404
    visit.get("/")
    assert visit.post("/destinations/other/pause").status_code == 404
    assert visit.post(f"/destinations/{UNKNOWN}/pause").status_code == 404


def test_events_that_named_no_destination_are_shown_once_there_are_any(visit: Any, redis: redis_py.Redis) -> None:
    assert UNKNOWN not in visit.get("/").text
    redis.zadd(Keys(UNKNOWN).dead, {"1-1": 1})
    page = visit.get("/").text
    assert "to be moved" in page
    assert "in trouble" not in page
    assert "Move them to one that does" in visit.get(f"/destinations/{UNKNOWN}").text


def test_what_is_stopped_says_since_when_and_why_where_one_looks_first(
    make_app: Any, make_visit: Any, redis: redis_py.Redis
) -> None:
    clock = time.time()
    told = {"open_until": (clock + 60) * 1000, "opened_at": (clock - 200) * 1000, "why": f"no answer {HOSTILE}"}
    redis.hset(Keys("shop-001").breaker, mapping=told)
    Pauses(redis, Keys("shop-000")).pause("unauthorized", detail="40105", by="x", credential="", now=clock - 7200)
    visit = make_visit(make_app(config=named(3), clock=lambda: clock))
    page = visit.get("/").text
    assert "(paused for 2 h: unauthorized 40105)" in page
    assert "(breaker open for 3 min 20 s: no answer &lt;script&gt;" in page
    rows = {row["name"]: row["state"] for row in visit.get("/overview.json").json["destinations"]}
    assert rows["shop-001"]["story"].startswith("for 3 min 20 s: no answer <script>")
    assert "\u202e" not in rows["shop-001"]["story"]
    assert rows["shop-002"]["story"] == ""
    assert "no attempt is used up meanwhile" in visit.get("/destinations/shop-001").text


def test_a_destination_whose_keys_are_broken_does_not_hide_the_others(
    make_app: Any, make_visit: Any, redis: redis_py.Redis
) -> None:
    redis.set(Keys("shop-001").inbox, "not a stream")
    answer = make_visit(make_app(config=named(3))).get("/")
    assert answer.status_code == 200
    assert "unreadable: WRONGTYPE" in answer.text
    assert "shop-002" in answer.text


def test_workers_are_shown_and_their_absence_is(visit: Any, redis: redis_py.Redis) -> None:
    assert "No worker was heard of" in visit.get("/").text
    Heartbeat("celery@w1", 4).beat(redis)
    text = visit.get("/").text
    assert "celery@w1" in text
    assert "No worker was heard of" not in text


def test_two_hundred_destinations_are_one_page(make_app: Any, make_visit: Any) -> None:
    visit = make_visit(make_app(config=named(200)))
    assert visit.get("/").text.count("data-row") == 200
    assert visit.get("/?q=-19").text.count("data-row") == 10
    assert len(visit.get("/overview.json").json["destinations"]) == 200


def test_the_audit_is_paged_without_a_gap(visit: Any, redis: redis_py.Redis) -> None:
    for number in range(120):
        audit.record(redis, f"did-{number:03}", destination="stores", details={})
    seen: list[str] = []
    path: str | None = "/audit"
    while path:
        text = visit.get(path).text
        seen += [part[:7] for part in text.split('data-label="Did">')[1:]]
        path = text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&") or None
    assert seen == [f"did-{number:03}" for number in reversed(range(120))]


@pytest.mark.parametrize("place", ["nonsense", "1", "0-1; DEL", "99999999999999999999999-1", "1-1"])
def test_any_place_in_the_audit_is_an_answer(visit: Any, redis: redis_py.Redis, place: str) -> None:
    audit.record(redis, "pause", destination="stores", details={})
    assert visit.get("/audit").status_code == 200
    assert visit.client.get("/audit", query_string={"before": place}, base_url=visit.base).status_code == 200


def test_a_theme_is_kept_and_nothing_else_is_one(visit: Any) -> None:
    visit.get("/")
    assert visit.post("/appearance", {"theme": "dark", "next": "/audit"}).location == "/audit"
    assert 'data-theme="dark"' in visit.get("/").text
    assert visit.post("/appearance", {"theme": '"><script>'}).status_code == 400
    visit.client.set_cookie("te_theme", '"><script>alert(1)</script>', domain="localhost")
    assert "<script>alert" not in visit.get("/").text


def test_a_redis_that_is_away_is_said_and_not_fatal(
    own_server: Any, own_redis: redis_py.Redis, configure: Any, make_visit: Any
) -> None:
    visit = make_visit(create_app(configure(), own_redis))
    assert visit.get("/readyz").status_code == 200
    own_server.kill()
    assert visit.get("/").status_code == 503
    assert "Redis is away" in visit.get("/").text
    assert visit.get("/overview.json", Accept="application/json").status_code == 503
    assert visit.get("/readyz").status_code == 503
    assert visit.get("/healthz").status_code == 200


def test_a_page_that_fails_says_nothing_of_what_was_asked(
    visit: Any, redis: redis_py.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    visit.client.application.testing = False
    redis.xadd("tiktok-events:audit", {"not": "a record"})
    visit.client.application.config["PROPAGATE_EXCEPTIONS"] = False
    answer = visit.get("/audit?who=anna@example.com")
    assert answer.status_code == 500
    assert "page failed" in caplog.text
    assert "anna" not in caplog.text
