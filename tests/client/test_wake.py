"""A wake-up is sent once a second at most, and never costs an event."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import celery
import pytest
import redis

from tiktok_events import EnqueueError, Producer, keys
from tiktok_events.wake import DEDUPLICATION_MS, Waker


@pytest.fixture(autouse=True)
def no_broker_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CELERY_BROKER_URL", raising=False)


def messages(store: redis.Redis) -> list[dict[str, Any]]:
    found: Any = store.lrange(keys.CELERY_QUEUE, 0, -1)
    return [json.loads(message) for message in found]


def test_a_wake_up_names_the_task_and_the_destination_only(
    each_server: Any, store: redis.Redis, event: dict[str, Any]
) -> None:
    with Producer(each_server.url, wake=True) as producer:
        producer.enqueue(event, destination="stores")
    (message,) = messages(store)
    assert message["headers"]["task"] == keys.DELIVER_TASK
    assert message["headers"]["argsrepr"] == "['stores']"
    assert message["headers"]["expires"] is not None
    assert b"ada@example.com" not in store.lrange(keys.CELERY_QUEUE, 0, -1)[0]  # type: ignore[index]


@pytest.fixture
def long_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may need more than a second for a few events."""
    monkeypatch.setattr("tiktok_events.storing.DEDUPLICATION_MS", 60 * DEDUPLICATION_MS)


@pytest.mark.usefixtures("long_moment")
def test_many_events_of_one_moment_send_one_for_each_destination(each_server: Any, store: redis.Redis) -> None:
    with Producer(each_server.url, wake=True) as producer:
        for number in range(5):
            producer.enqueue({"event_id": str(number)}, destination="stores")
        producer.enqueue_many([{}, {"a": 1}], destination="stores")
        producer.enqueue({}, destination="web")
    assert len(messages(store)) == 2
    assert 0 < store.pttl(keys.woken("stores")) <= 60_000  # type: ignore[operator]


def test_without_wake_no_message_is_sent(producer: Producer, store: redis.Redis) -> None:
    producer.enqueue({}, destination="stores")
    assert set(store.keys()) == {keys.inbox("stores").encode()}  # type: ignore[arg-type]


@pytest.mark.parametrize("state", ["refusing", "silent"])
def test_a_broker_that_fails_costs_a_second_once_and_no_event(
    each_server: Any, store: redis.Redis, fake_redis: Any, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    if state == "silent":
        port = fake_redis(lambda _: None).port
    else:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
    monkeypatch.setenv("CELERY_BROKER_URL", f"redis://127.0.0.1:{port}/0")
    tried: list[object] = []
    send_task = celery.Celery.send_task
    monkeypatch.setattr(
        celery.Celery, "send_task", lambda *args, **options: tried.append(1) or send_task(*args, **options)
    )
    # The broker's time-out alone is short; Redis has time to store.
    monkeypatch.setattr("tiktok_events.settings.Waker", lambda url, **_: Waker(url, timeout_seconds=0.2))
    with Producer(each_server.url, wake=True) as producer:
        started = time.monotonic()
        producer.enqueue({}, destination="stores")
        assert time.monotonic() - started < 9
        store.delete(keys.woken("stores"))
        producer.enqueue({}, destination="stores")
        assert len(tried) == 1
    assert store.xlen(keys.inbox("stores")) == 2


def test_the_hosts_celery_app_stays_current(each_server: Any, store: redis.Redis) -> None:
    host = celery.Celery("host", broker="memory://")
    host.set_current()
    before = set(host.tasks)
    with Producer(each_server.url, wake=True) as producer:
        producer.enqueue({}, destination="stores")
    assert celery.current_app._get_current_object() is host  # type: ignore[attr-defined]
    assert set(host.tasks) == before


def test_without_celery_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(EnqueueError, match=r"install tiktok-events\[celery\]"):
        Producer("redis://a", wake=True)


def test_a_topology_that_celery_cannot_read_asks_for_a_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EnqueueError, match="set CELERY_BROKER_URL") as caught:
        Producer("redis+cluster://u:hunter2@a", wake=True)
    assert "hunter2" not in str(caught.value)
    monkeypatch.setenv("CELERY_BROKER_URL", "redis://b")
    Producer("redis+cluster://a", wake=True).close()
