"""What Redis says of the fleet: the state that operators see, as numbers, and no series that events could make."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest
import redis as redis_py
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from worker.calls import Calls
from worker.config import Config, Destination
from worker.connection import connect
from worker.grouping import paths
from worker.keys import LEADER, UNKNOWN, Keys
from worker.limiter import Limiter, scope
from worker.metrics import exposition
from worker.metrics.fleet import FleetFigures, memory
from worker.metrics.names import FLEET, LABELS
from worker.pauses import Pauses
from worker.runtime import Runtime
from worker.sandbox import Sandbox
from worker.schedule import Lease
from worker.serving import Slice

KEYS = Keys("stores")
MakeRuntime = Callable[..., Runtime]
MakeOrder = Callable[..., dict[str, Any]]
Told = dict[tuple[str, frozenset[tuple[str, str]]], float]


def told(redis: redis_py.Redis, config: Config, **options: Any) -> Told:
    registry = CollectorRegistry()
    registry.register(FleetFigures(redis, config, **options))
    return parsed(exposition.text(registry))


def parsed(text: bytes) -> Told:
    families = text_string_to_metric_families(text.decode())
    return {(each.name, frozenset(each.labels.items())): each.value for family in families for each in family.samples}


def value(found: Told, name: str, **labels: str) -> float:
    return found[f"tiktok_events_{name}", frozenset({"destination": "stores", **labels}.items())]


def scopes(settings: Destination) -> list[str]:
    fingerprint, source = settings.credentials.fingerprint(), settings.mapping.event_source_id
    return [scope(fingerprint, source, path) for path in paths(settings)]


def put(redis: redis_py.Redis, *events: object) -> None:
    for event in events:
        redis.xadd(KEYS.inbox, {"event": orjson.dumps(event)})


def deliver(here: Runtime) -> None:
    Slice(here, Calls(here.redis, print)).run([Lease("stores", "t")], listen=False)


def test_lag_is_told_in_events_and_in_seconds(
    redis: redis_py.Redis, configure: Callable[..., Config], order_completed: MakeOrder
) -> None:
    put(redis, order_completed(1), order_completed(2))
    found = told(redis, configure(), clock=lambda: time.time() + 100)
    assert value(found, "backlog") == 2
    assert value(found, "oldest_seconds") == pytest.approx(100, abs=20)


def test_what_became_of_events_is_counted_by_fate_and_reason(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    sandbox.fault("code", code=40002, match={"event_id": "message-3"}, times=10)
    put(redis, *(order_completed(number) for number in range(5)), {"type": "track", "event": "Nobody Knows"})
    here = make_runtime()
    deliver(here)
    found = told(redis, here.config)
    assert value(found, "settled_total", fate="delivered") == 4
    assert value(found, "settled_total", fate="discarded") == 0
    dead = {"rejected": 1.0, "unmapped": 1.0}
    for reason in LABELS["reason"][1]:
        assert value(found, "dead_total", reason=reason) == dead.get(reason, 0)
        assert value(found, "dead_letters", reason=reason) == dead.get(reason, 0)
    assert value(found, "requests_total") == len(sandbox.requests)
    assert value(found, "backlog") == value(found, "in_flight") == value(found, "scheduled") == 0


def test_a_pause_is_one_for_its_reason(redis: redis_py.Redis, configure: Callable[..., Config]) -> None:
    Pauses(redis, KEYS).pause("unauthorized", detail="40105", by="w", credential="c", now=1.0)
    found = told(redis, configure())
    paused = {reason: value(found, "paused", pause=reason) for reason in LABELS["pause"][1]}
    assert paused == {reason: float(reason == "unauthorized") for reason in LABELS["pause"][1]}


@pytest.mark.parametrize(("until", "state"), [(None, 0), (60_000, 2), (-60_000, 1)])
def test_the_breaker_is_a_number(
    redis: redis_py.Redis, configure: Callable[..., Config], until: int | None, state: int
) -> None:
    if until is not None:
        redis.hset(KEYS.breaker, "open_until", int(time.time() * 1000) + until)
    assert value(told(redis, configure()), "breaker") == state


@pytest.mark.parametrize("kind", ["events", "offline"])
def test_the_limit_in_force_falls_with_throttling(
    redis: redis_py.Redis, configure: Callable[..., Config], kind: str
) -> None:
    config = configure(kind=kind)
    assert value(told(redis, config), "limit_ratio") == 1
    Limiter(redis).throttled(scopes(config.destinations["stores"])[-1], now=time.time())
    assert value(told(redis, config), "limit_ratio") == 0.5


def test_the_scope_that_is_looked_at_is_the_one_that_deliveries_ask_for(
    redis: redis_py.Redis, make_runtime: MakeRuntime, order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    put(redis, order_completed(1))
    here = make_runtime()
    deliver(here)
    (key,) = redis.scan_iter("*limit:*")
    (wanted,) = scopes(here.config.destinations["stores"])
    assert wanted in key.decode()


def test_a_destination_with_many_sources_has_no_one_limit(
    redis: redis_py.Redis, configure: Callable[..., Config]
) -> None:
    found = told(redis, configure(event_source_id="{{properties.shop}}"))
    assert not [name for name, _ in found if name == "tiktok_events_limit_ratio"]


def test_the_leader_is_there_or_not(redis: redis_py.Redis, configure: Callable[..., Config]) -> None:
    name = ("tiktok_events_leader", frozenset[tuple[str, str]]())
    assert told(redis, configure())[name] == 0
    redis.set(LEADER, "w")
    assert told(redis, configure())[name] == 1


def test_what_somebody_writes_into_redis_makes_no_series(
    redis: redis_py.Redis, configure: Callable[..., Config]
) -> None:
    before = set(told(redis, configure()))
    for place in (KEYS, Keys(UNKNOWN)):
        redis.hset(place.totals, mapping={f"dead:{number}@example.com": 1 for number in range(50)})
        redis.hset(place.totals, mapping={f"fate-{number}": 1 for number in range(50)})
    redis.hset(KEYS.state, mapping={"paused": "somebody@example.com"})
    found = told(redis, configure())
    assert set(found) == before
    assert value(found, "dead_total", reason="other") == 50
    assert value(found, "paused", pause="other") == 1


def test_all_of_the_list_is_told_with_its_labels_and_closed_values(
    redis: redis_py.Redis, configure: Callable[..., Config]
) -> None:
    found = told(redis, configure())
    labels = {name: {key for key, _ in told_labels} for name, told_labels in found}
    assert labels == {name: set(metric.labels) for name, metric in FLEET.items()}
    for _, told_labels in found:
        for label, told_value in told_labels:
            assert told_value in (LABELS[label][1] or {"stores", UNKNOWN})


def test_a_redis_that_is_away_is_a_figure_not_an_error(configure: Callable[..., Config]) -> None:
    with connect("redis://127.0.0.1:1", timeout_seconds=0.2) as away:
        assert told(away, configure()) == {("tiktok_events_redis_up", frozenset()): 0}


@pytest.mark.parametrize(
    ("info", "told"),
    [
        ({"used_memory": 7, "maxmemory": 0}, (7, 0)),
        ({"used_memory": 7}, (7, 0)),
        ({"a:1": {"used_memory": 50, "maxmemory": 100}, "b:1": {"used_memory": 40, "maxmemory": 50}}, (40, 50)),
        ({"a:1": {"used_memory": 50, "maxmemory": 0}, "b:1": {"used_memory": 60, "maxmemory": 0}}, (60, 0)),
    ],
    ids=["no limit", "an old server", "a cluster", "a cluster without limits"],
)
def test_memory_is_that_of_the_fullest_server(info: dict[str, Any], told: tuple[int, int]) -> None:
    assert memory(info) == told


def test_who_asks_too_often_gets_the_same_answer_again(redis: redis_py.Redis, configure: Callable[..., Config]) -> None:
    now = [1000.0]
    figures = FleetFigures(redis, configure(), clock=lambda: now[0])
    list(figures.collect())
    before = redis.info("stats")["total_commands_processed"]
    list(figures.collect())
    assert redis.info("stats")["total_commands_processed"] == before + 1, "the question itself"
    now[0] += 1
    list(figures.collect())
    assert redis.info("stats")["total_commands_processed"] > before + 2


def test_the_web_process_tells_its_own_figures_beside_the_fleets(
    redis: redis_py.Redis, configure: Callable[..., Config]
) -> None:
    web = exposition.WebMetrics(redis, configure())
    web.meter.served("page", 200, 0.02)
    web.meter.served("door", 429, 0.001)
    found = parsed(web.text())
    name = "tiktok_events_web_request_seconds_count"
    assert found[name, frozenset({("area", "door"), ("status", "4xx")})] == 1
    assert found["tiktok_events_redis_up", frozenset()] == 1
    assert found["tiktok_events_web_cpu_seconds_total", frozenset()] > 0
    assert not [each for each, _ in found if "_worker_" in each]


def test_a_destination_that_redis_refuses_is_a_fault_and_holds_up_no_other(
    redis: redis_py.Redis, configure: Callable[..., Config]
) -> None:
    redis.set(Keys(UNKNOWN).due, "not ours")
    found = told(redis, configure())
    told_of = {dict(labels)["destination"]: fault for (name, labels), fault in found.items() if name.endswith("_fault")}
    assert told_of == {"stores": 0, UNKNOWN: 1}
    assert value(found, "backlog") == 0
    assert ("tiktok_events_backlog", frozenset({("destination", UNKNOWN)})) not in found


def test_many_destinations_are_told_in_the_time_of_a_scrape(
    redis: redis_py.Redis, configure: Callable[..., Config]
) -> None:
    (settings,) = configure().destinations.values()
    names = [f"shop-{number}" for number in range(200)]
    config = replace(configure(), destinations={name: replace(settings, name=name) for name in names})
    started = time.monotonic()
    found = told(redis, config)
    assert time.monotonic() - started < 10
    assert len([1 for name, _ in found if name == "tiktok_events_backlog"]) == 201
