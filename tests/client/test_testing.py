"""`capture` collects what an app would have enqueued, and refuses what Redis and the workers would have refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import redis

import tiktok_events
from tiktok_events import (
    AsyncProducer,
    EnqueueError,
    EventTooLarge,
    InvalidEvent,
    Producer,
    UnknownDestination,
)
from tiktok_events.testing import Captured, capture


@pytest.fixture
def captured() -> Any:
    with capture() as captured:
        yield captured


@pytest.fixture(autouse=True)
def no_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")


def test_it_collects_what_every_kind_of_producer_enqueues(captured: Captured) -> None:
    async def app() -> list[str]:
        async with AsyncProducer() as producer:
            await producer.enqueue({"event_id": "5"}, destination="web")
            return await producer.enqueue_many([{"event_id": "6"}], destination="web")

    assert tiktok_events.enqueue({"event_id": "1"}, destination="stores") == "1"
    assert tiktok_events.enqueue_many(({"event_id": name} for name in "23"), destination="stores") == ["2", "3"]
    with Producer(wake=True) as producer:
        producer.enqueue({"a": (1, 2)}, destination="app", event_id="4")
    assert asyncio.run(app()) == ["6"]
    assert [(each.destination, each.id) for each in captured] == [
        ("stores", "1"),
        ("stores", "2"),
        ("stores", "3"),
        ("app", "4"),
        ("web", "5"),
        ("web", "6"),
    ]
    assert captured.events("app") == [{"a": [1, 2]}]
    assert len(captured.events()) == 6


def test_many_are_collected_in_their_order(captured: Captured) -> None:
    tiktok_events.enqueue_many(({"event_id": str(number)} for number in range(1234)), destination="stores")
    assert [each.id for each in captured] == [str(number) for number in range(1234)]


def test_what_a_test_has_looked_at_can_be_cleared(captured: Captured) -> None:
    tiktok_events.enqueue({}, destination="stores")
    captured.clear()
    assert list(captured) == []


@pytest.mark.parametrize(
    ("event", "destination", "error"),
    [
        ({"a": object()}, "stores", InvalidEvent),
        ({"a": "x" * 300_000}, "stores", EventTooLarge),
        ({}, "Stores!", UnknownDestination),
        ({}, "sotres", UnknownDestination),
    ],
)
def test_it_refuses_by_the_same_errors(event: dict[str, Any], destination: str, error: type[EnqueueError]) -> None:
    with capture("stores") as captured:
        with pytest.raises(error):
            tiktok_events.enqueue(event, destination=destination)
        with pytest.raises(error) as caught:
            tiktok_events.enqueue_many([{}, event], destination=destination)
        assert len(captured) == caught.value.stored


def test_one_block_knows_nothing_of_another_ones_destinations() -> None:
    with Producer() as producer:
        for name in ("stores", "web"):
            with capture(name):
                producer.enqueue({}, destination=name)
                with pytest.raises(UnknownDestination):
                    producer.enqueue({}, destination="web" if name == "stores" else "stores")


def test_no_value_is_in_what_a_failing_assertion_prints(captured: Captured) -> None:
    tiktok_events.enqueue({"email": "ada@example.com"}, destination="stores")
    assert "ada@" not in repr(captured)


def test_after_the_block_events_are_stored_again(each_server: Any, store: redis.Redis) -> None:
    with Producer(each_server.url) as producer:
        with capture("elsewhere"):
            producer.enqueue({}, destination="elsewhere")
        assert store.dbsize() == 0
        producer.enqueue({}, destination="stores")
        assert store.dbsize() == 1
