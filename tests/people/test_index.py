"""The index finds scheduled events and dead letters by a keyed digest, and empties itself."""

from __future__ import annotations

import time
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from redis import Redis

from tasks.sweep import sweep_all
from tiktok_events import Producer
from worker.config import ConfigError
from worker.config.load import build
from worker.dead_letters import Changes, Filter, Queries
from worker.people.index import heal
from worker.sandbox import Sandbox

MakeOrder = Callable[..., dict[str, Any]]
EMAIL = sha256(b"person1@example.com").hexdigest()
PHONE = sha256(b"+12025550123").hexdigest()


def enqueue(url: str, *events: dict[str, Any]) -> None:
    with Producer(url) as producer:
        producer.enqueue_many(events, destination="stores")


def test_settling_writes_it_for_what_stays_and_for_nothing_else(
    store: Any, serve: Callable[..., bool], order_completed: MakeOrder, redis_url: str, sandbox: Sandbox
) -> None:
    sandbox.fault("code", code=40002, match={"event_id": "message-3"})
    enqueue(redis_url, order_completed(1, value="x"), order_completed(2), order_completed(3))
    serve(store.here)
    assert store.index.refs([EMAIL]) == {next(Queries(store.redis, store.keys).scan(Filter(reason="invalid"))).ref}
    assert len(store.index.refs([PHONE])) == 2, "of the two that died, as they share a number"
    assert store.index.refs([sha256(b"person2@example.com").hexdigest()]) == set()


def test_scheduled_events_are_in_it(
    store: Any, serve: Callable[..., bool], order_completed: MakeOrder, redis_url: str, sandbox: Sandbox
) -> None:
    sandbox.fault("code", code=50000)
    enqueue(redis_url, order_completed(1))
    serve(store.here)
    assert store.index.refs([EMAIL]) == {key.decode() for key in store.redis.hkeys(store.keys.scheduled)}


def test_it_shows_nobody_to_who_has_no_key(store: Any, redis: Redis) -> None:
    store.die(b'{"userId": "17", "properties": {"email": "person1@example.com"}}')
    (entry, *_), total = redis.zrange(store.keys.people, 0, -1), redis.zcard(store.keys.people)
    assert total == 2
    for known in (EMAIL, EMAIL[:16], "person1"):
        assert known.encode() not in entry


def test_another_key_finds_nothing(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    store.die(b'{"properties": {"email": "person1@example.com"}}')
    assert store.index.refs([EMAIL]) == {"1-0"}
    monkeypatch.setenv("TIKTOK_EVENTS_INDEX_KEY", "k" * 40)
    assert store.index.refs([EMAIL]) == set()


def test_a_key_that_is_too_short_is_refused_with_the_configuration() -> None:
    with pytest.raises(ConfigError, match="TIKTOK_EVENTS_INDEX_KEY must have at least 32") as caught:
        build({}, {"TIKTOK_EVENTS_INDEX_KEY": "too-short-a-key"}, source="test")
    assert "too-short" not in str(caught.value)


def test_the_sweep_takes_out_what_has_left(store: Any, redis: Redis) -> None:
    for number in range(2500):
        store.die(b'{"userId": "%d"}' % number, f"{number}-0")
    letters = Queries(redis, store.keys)
    Changes(redis, store.keys).discard(letters.scan(Filter()))
    store.die(b'{"userId": "17"}', "17-0")
    assert heal(redis, store.keys, most=1000) < 2500
    sweep_all(store.here, store.here.config, now=time.time())
    sweep_all(store.here, store.here.config, now=time.time())
    assert redis.zcard(store.keys.people) == 1
    assert store.index.refs([sha256(b"17").hexdigest()]) == {"17-0"}
    assert redis.hget(store.keys.state, "people_healed_to") is None
