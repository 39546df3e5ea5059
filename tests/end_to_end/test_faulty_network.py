"""Whatever the network does, every event is delivered and the worker goes on by itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from benchmarks.chaos.fault_proxy import FaultProxy
from tiktok_events import Producer
from worker.sandbox import Sandbox

MakeOrder = Callable[..., dict[str, Any]]
SHORT = 'batch_size = 20\ntimeout = "1s"\ntake_back_after = "3s"\n'
EVENTS = 400

FAULTS = [
    pytest.param({"kind": "latency", "seconds": 0.02}, 4.0, id="latency"),
    pytest.param({"kind": "reset", "every": 25}, 4.0, id="reset in the middle of a command"),
    pytest.param({"kind": "cut", "every": 25}, 4.0, id="cut in the middle of an answer"),
    # Longer than the worker (5 s) and Celery (3 s) wait for an answer of Redis.
    pytest.param({"kind": "half_open"}, 6.5, id="half-open"),
]


@pytest.fixture
def to_redis(own_server: Any) -> Iterator[FaultProxy]:
    with FaultProxy(Path(own_server.url.removeprefix("unix://"))) as proxy:
        yield proxy


@pytest.fixture
def to_tiktok(sandbox: Sandbox) -> Iterator[FaultProxy]:
    where = urlsplit(sandbox.url)
    with FaultProxy((str(where.hostname), where.port or 0)) as proxy:
        yield proxy


@pytest.mark.parametrize(("fault", "seconds"), FAULTS)
def test_a_faulty_network_to_redis_loses_no_event(
    make_fleet: Callable[..., Any],
    order_completed: MakeOrder,
    sandbox: Sandbox,
    own_server: Any,
    to_redis: FaultProxy,
    fault: dict[str, Any],
    seconds: float,
) -> None:
    fleet = make_fleet(SHORT)
    fleet.environment["REDIS_URL"] = f"redis://127.0.0.1:{to_redis.port}"
    sandbox.fault("slow", seconds=0.05)
    with Producer(own_server.url) as producer:
        ids = set(producer.enqueue_many((order_completed(n) for n in range(EVENTS)), destination="stores"))
        process = fleet.start()
        fleet.wait(lambda now: now.totals.get("delivered", 0) > 0)
        to_redis.fault(**fault)
        end = time.monotonic() + seconds
        number = EVENTS
        while time.monotonic() < end:
            number += 1
            ids.add(producer.enqueue(order_completed(number), destination="stores"))
            time.sleep(0.05)
    assert fault["kind"] == "latency" or to_redis.acted > 0
    to_redis.fault("none")
    now = fleet.wait(lambda now: (now.waiting, now.in_flight, now.scheduled) == (0, 0, 0))
    assert set(sandbox.deliveries) == ids
    assert now.dead == 0
    assert process.poll() is None


@pytest.mark.parametrize(("fault", "seconds"), FAULTS)
def test_a_faulty_network_to_tiktok_loses_no_event(
    make_fleet: Callable[..., Any],
    order_completed: MakeOrder,
    sandbox: Sandbox,
    own_server: Any,
    to_tiktok: FaultProxy,
    fault: dict[str, Any],
    seconds: float,
) -> None:
    fleet = make_fleet(
        SHORT + "retry = {max_attempts = 50, min_backoff = '100ms', max_backoff = '1s'}\n"
        "breaker = {min_open = '200ms', max_open = '1s'}",
        url=f"http://127.0.0.1:{to_tiktok.port}/open_api/v1.3/",
    )
    with Producer(own_server.url) as producer:
        process = fleet.start()
        ids = set(producer.enqueue_many((order_completed(n) for n in range(EVENTS)), destination="stores"))
        to_tiktok.fault(**fault)
        time.sleep(min(seconds, 4.0))
        ids.add(producer.enqueue(order_completed(EVENTS), destination="stores"))
    to_tiktok.fault("none")
    now = fleet.wait(lambda now: (now.waiting, now.in_flight, now.scheduled) == (0, 0, 0))
    assert set(sandbox.deliveries) == ids
    assert now.dead == 0
    assert process.poll() is None
