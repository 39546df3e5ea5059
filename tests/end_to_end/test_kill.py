"""Whatever dies, every event is delivered, scheduled or dead-lettered."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tiktok_events import Producer
from worker.sandbox import Sandbox
from worker.serving import LISTENING_SECONDS

MakeOrder = Callable[..., dict[str, Any]]


def test_workers_killed_in_the_middle_of_a_batch_lose_no_event(
    make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox, fall_silent: Callable[..., None]
) -> None:
    fleet = make_fleet("batch_size = 100")
    # Every answer takes a while, so that a kill falls into a request.
    sandbox.fault("slow", seconds=0.3)
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        ids = producer.enqueue_many((order_completed(number) for number in range(2000)), destination="stores")
    assert len(set(ids)) == 2000
    held = 0
    for _ in range(3):
        process = fleet.start()
        before = len(sandbox.requests)
        fleet.wait(lambda now, before=before: len(sandbox.requests) > before + 2 and now.in_flight > 0)
        fleet.kill(process)
        held += fleet.look().in_flight
        fall_silent(fleet.redis)
    assert held > 0
    fleet.start()
    now = fleet.wait(lambda now: now.totals.get("delivered", 0) + now.totals.get("duplicate", 0) >= 2000)
    now = fleet.wait(lambda now: now.in_flight == 0)
    assert set(sandbox.deliveries) == set(ids)
    assert (now.waiting, now.in_flight, now.scheduled, now.dead) == (0, 0, 0, 0)
    repeated = sum(times - 1 for times in sandbox.deliveries.values())
    assert repeated <= held  # a kill may repeat what its two slots had in hand


def test_a_warm_shutdown_under_load_leaves_nothing_pending(
    make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    fleet = make_fleet("batch_size = 50")
    sandbox.fault("slow", seconds=0.05)
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        producer.enqueue_many((order_completed(number) for number in range(5000)), destination="stores")
    process = fleet.start()
    fleet.wait(lambda now: now.totals.get("delivered", 0) > 100)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=90) == 0
    now = fleet.look()
    assert now.in_flight == 0
    assert now.waiting + now.totals["delivered"] == 5000
    assert max(sandbox.deliveries.values()) == 1


def test_a_warm_shutdown_of_who_listens_does_not_wait_for_its_slice(
    make_fleet: Callable[..., Any], order_completed: MakeOrder
) -> None:
    fleet = make_fleet()
    process = fleet.start()
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        sent = 0

        def trickle() -> None:
            """Keep a slot of it listening: it gives up by itself when nothing comes."""
            nonlocal sent
            producer.enqueue(order_completed(sent), destination="stores")
            sent += 1
            time.sleep(0.05)

        while fleet.look().totals.get("delivered", 0) < 20:
            trickle()
        process.send_signal(signal.SIGTERM)
        told = time.monotonic()
        while process.poll() is None:
            assert time.monotonic() - told < LISTENING_SECONDS / 2, "it listens as if nobody had told it to stop"
            trickle()
    assert process.returncode == 0
    now = fleet.look()
    assert (now.in_flight, now.waiting + now.totals["delivered"]) == (0, sent)


@pytest.mark.every_server
def test_redis_killed_and_started_again_loses_no_event_that_was_acknowledged(
    make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox, own_server: Any
) -> None:
    fleet = make_fleet('batch_size = 50\ntimeout = "1s"\ntake_back_after = "3s"')
    sandbox.fault("slow", seconds=0.05)
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        ids = producer.enqueue_many((order_completed(number) for number in range(3000)), destination="stores")
        fleet.start()
        for _ in range(2):
            delivered = fleet.look().totals.get("delivered", 0)
            fleet.wait(lambda now, delivered=delivered: now.totals.get("delivered", 0) > delivered)
            own_server.kill()
            time.sleep(0.3)
            own_server.start()
        fleet.wait(lambda now: (now.waiting, now.in_flight, now.scheduled) == (0, 0, 0))
    assert set(sandbox.deliveries) == set(ids)
    assert "redis does not answer" in fleet.log()
    assert "redis is back" in fleet.log()


def test_a_frozen_redis_stops_nobody_for_good(
    make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox, own_server: Any
) -> None:
    fleet = make_fleet('timeout = "1s"\ntake_back_after = "3s"')
    fleet.start()
    with Producer(fleet.environment["REDIS_URL"]) as producer:
        producer.enqueue(order_completed(1), destination="stores")
        fleet.wait(lambda now: now.totals.get("delivered", 0) == 1)
        own_server.signal(signal.SIGSTOP)
        time.sleep(6.5)  # longer than the worker's own patience with a command
        own_server.signal(signal.SIGCONT)
        producer.enqueue(order_completed(2), destination="stores")
        fleet.wait(lambda now: now.totals.get("delivered", 0) == 2)


def test_an_emptied_redis_stops_nobody_for_good(
    make_fleet: Callable[..., Any], order_completed: MakeOrder, sandbox: Sandbox
) -> None:
    fleet = make_fleet()
    fleet.start()
    fleet.redis.xadd("tiktok-events:{stores}:inbox", {"event": orjson.dumps(order_completed(1))})
    fleet.wait(lambda now: now.totals.get("delivered", 0) == 1)
    fleet.redis.flushall()
    fleet.redis.xadd("tiktok-events:{stores}:inbox", {"event": orjson.dumps(order_completed(2))})
    fleet.wait(lambda now: now.totals.get("delivered", 0) == 1)
    assert set(sandbox.deliveries) == {"message-1", "message-2"}
