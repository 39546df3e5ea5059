"""What enqueueing stores, and what it refuses."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import redis

import tiktok_events
from tiktok_events import (
    EnqueueError,
    EventTooLarge,
    InboxFull,
    InvalidEvent,
    Producer,
    Unavailable,
    UnknownDestination,
    keys,
)

pytestmark = pytest.mark.every_server

INBOX = "tiktok-events:{stores}:inbox"


def stored(store: redis.Redis, key: str = INBOX) -> list[dict[bytes, bytes]]:
    entries: Any = store.xrange(key)
    return [fields for _, fields in entries]


def ids(store: redis.Redis) -> list[str]:
    return [entry[b"id"].decode() for entry in stored(store)]


def numbered(count: int) -> Iterator[dict[str, Any]]:
    return ({"event_id": str(number)} for number in range(count))


def test_the_inbox_of_a_destination_is_where_every_language_finds_it() -> None:
    assert keys.inbox("stores") == INBOX


def test_an_entry_holds_the_event_its_id_and_the_servers_time(
    producer: Producer, store: redis.Redis, event: dict[str, Any]
) -> None:
    before = time.time_ns() // 1_000_000
    assert producer.enqueue(event, destination="stores") == "m-1"
    after = time.time_ns() // 1_000_000
    (entry,) = stored(store)
    assert entry.keys() == {b"event", b"id", b"enqueued_at"}
    assert entry[b"event"] == json.dumps(event, separators=(",", ":")).encode()
    assert entry[b"id"] == b"m-1"
    assert before <= int(entry[b"enqueued_at"]) <= after


def test_a_given_id_goes_before_the_events_own(producer: Producer, store: redis.Redis, event: dict[str, Any]) -> None:
    assert producer.enqueue(event, destination="stores", event_id=" o-1 ") == "o-1"
    assert ids(store) == ["o-1"]


@pytest.mark.parametrize("event_id", ["", " ", "ada@example.com", "x" * 257, "a\nb", 7])
def test_a_given_id_that_breaks_a_rule_is_refused_without_being_shown(
    producer: Producer, store: redis.Redis, event: dict[str, Any], event_id: Any
) -> None:
    with pytest.raises(InvalidEvent, match="event_id: ") as caught:
        producer.enqueue(event, destination="stores", event_id=event_id)
    assert "ada" not in str(caught.value)
    assert not store.exists(INBOX)


def test_many_are_stored_in_their_order_across_round_trips(producer: Producer, store: redis.Redis) -> None:
    expected = [str(number) for number in range(1234)]
    assert producer.enqueue_many(numbered(1234), destination="stores") == expected
    assert ids(store) == expected


def test_large_ones_are_sent_half_a_mebibyte_at_a_time(producer: Producer, store: redis.Redis) -> None:
    producer.enqueue({}, destination="stores")
    store.config_resetstat()
    events = ({"event_id": str(number), "pad": "x" * 100_000} for number in range(12))
    producer.enqueue_many(events, destination="stores")
    calls: Any = store.info("commandstats")
    assert calls["cmdstat_evalsha"]["calls"] == 3  # five, five and two


def test_none_are_none(producer: Producer, store: redis.Redis) -> None:
    assert producer.enqueue_many([], destination="stores") == []
    assert not store.exists(INBOX)


def test_a_refused_event_among_many_leaves_those_before_it_stored(producer: Producer, store: redis.Redis) -> None:
    events = [*numbered(600), {"event_id": "bad", "at": object()}, *numbered(5)]
    with pytest.raises(InvalidEvent, match=r"event\.at: object") as caught:
        producer.enqueue_many(events, destination="stores")
    assert caught.value.stored == 600
    assert caught.value.ids == ids(store) == [str(number) for number in range(600)]


def test_an_exception_of_the_iterable_passes_through_after_what_it_yielded_is_stored(
    producer: Producer, store: redis.Redis
) -> None:
    def failing() -> Iterator[dict[str, Any]]:
        yield from numbered(3)
        raise KeyError("row")

    with pytest.raises(KeyError, match="row"):
        producer.enqueue_many(failing(), destination="stores")
    assert ids(store) == ["0", "1", "2"]


def test_a_full_inbox_is_said_and_its_last_place_is_used(each_server: Any, store: redis.Redis) -> None:
    with Producer(each_server.url, max_inbox=700) as producer:
        with pytest.raises(InboxFull, match="the inbox of stores holds 700 events") as caught:
            producer.enqueue_many(numbered(1000), destination="stores")
        assert (caught.value.stored, len(caught.value.ids)) == (700, 700)
        with pytest.raises(InboxFull) as again:
            producer.enqueue({"event_id": "late"}, destination="stores")
        assert again.value.stored == 0
        assert ids(store) == [str(number) for number in range(700)]
        store.xtrim(INBOX, maxlen=699, approximate=False)
        assert producer.enqueue({"event_id": "late"}, destination="stores") == "late"


def test_an_event_over_the_limit_is_refused(each_server: Any, store: redis.Redis) -> None:
    with Producer(each_server.url, max_event_bytes=100) as producer, pytest.raises(EventTooLarge):
        producer.enqueue({"pad": "x" * 100}, destination="stores")
    assert not store.exists(INBOX)


def test_a_quarter_of_a_mebibyte_is_the_limit_by_default(producer: Producer, store: redis.Redis) -> None:
    frame = len('{"pad":""}')
    producer.enqueue({"pad": "x" * (262_144 - frame)}, destination="stores")
    with pytest.raises(EventTooLarge):
        producer.enqueue({"pad": "x" * (262_145 - frame)}, destination="stores")
    assert store.xlen(INBOX) == 1


@pytest.mark.parametrize("name", ["", "Stores", "a b", "-a", "x" * 64, "a:b", "a}b", "stores\n", None, {"a": 1}])
def test_a_name_that_may_be_none_is_refused_without_being_shown(
    producer: Producer, store: redis.Redis, name: Any
) -> None:
    with pytest.raises(UnknownDestination, match="has 1 to 63 characters"):
        producer.enqueue({}, destination=name)
    with pytest.raises(UnknownDestination, match="has 1 to 63 characters"):
        producer.enqueue_many([], destination=name)
    assert store.dbsize() == 0


def test_before_any_worker_has_started_every_name_is_accepted(producer: Producer, store: redis.Redis) -> None:
    producer.enqueue({}, destination="anything")
    assert store.xlen(keys.inbox("anything")) == 1


def test_a_name_that_the_workers_do_not_have_is_refused_with_a_hint(producer: Producer, store: redis.Redis) -> None:
    store.hset(keys.REGISTRY, mapping={"stores": "{}", "web": "{}"})
    with pytest.raises(UnknownDestination, match="'sotres': did you mean 'stores'"):
        producer.enqueue({}, destination="sotres")
    with pytest.raises(UnknownDestination, match="'zzz': the workers have stores, web"):
        producer.enqueue({}, destination="zzz")


def test_a_destination_that_was_just_added_is_found_at_once(producer: Producer, store: redis.Redis) -> None:
    store.hset(keys.REGISTRY, "stores", "{}")
    producer.enqueue({}, destination="stores")
    store.hset(keys.REGISTRY, "web", "{}")
    producer.enqueue({}, destination="web")


def test_the_registry_is_read_once_a_minute(
    producer: Producer, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.hset(keys.REGISTRY, "stores", '{"max_inbox": 3}')
    for number in range(3):
        producer.enqueue({"event_id": str(number)}, destination="stores")
    store.hset(keys.REGISTRY, "stores", '{"max_inbox": 4}')
    with pytest.raises(InboxFull):
        producer.enqueue({}, destination="stores")
    monkeypatch.setattr("tiktok_events.registry.MAX_AGE_SECONDS", 0.0)
    producer.enqueue({}, destination="stores")


@pytest.mark.parametrize(
    "settings",
    ["", "no json", "[]", "null", '{"max_inbox": "9"}', '{"max_inbox": true, "max_event_bytes": 0}'],
)
def test_settings_that_cannot_be_read_leave_the_defaults(producer: Producer, store: redis.Redis, settings: str) -> None:
    store.hset(keys.REGISTRY, "stores", settings)
    producer.enqueue({"pad": "x" * 100_000}, destination="stores")
    producer.enqueue({}, destination="stores")


def test_the_workers_limits_apply_unless_the_producer_has_its_own(each_server: Any, store: redis.Redis) -> None:
    store.hset(keys.REGISTRY, "stores", '{"max_inbox": 1, "max_event_bytes": 50}')
    with Producer(each_server.url) as producer:
        with pytest.raises(EventTooLarge, match="50 are allowed"):
            producer.enqueue({"pad": "x" * 50}, destination="stores")
        producer.enqueue({}, destination="stores")
        with pytest.raises(InboxFull):
            producer.enqueue({}, destination="stores")
    with Producer(each_server.url, max_inbox=2, max_event_bytes=100) as producer:
        producer.enqueue({"pad": "x" * 50}, destination="stores")


def test_a_server_that_forgot_the_script_is_taught_it_again(producer: Producer, store: redis.Redis) -> None:
    producer.enqueue({"event_id": "1"}, destination="stores")
    store.script_flush()
    producer.enqueue({"event_id": "2"}, destination="stores")
    assert ids(store) == ["1", "2"]


def test_a_server_without_memory_refuses_and_stores_nothing(producer: Producer, store: redis.Redis) -> None:
    producer.enqueue({"event_id": "1"}, destination="stores")
    store.config_set("maxmemory", "1")
    with pytest.raises(Unavailable, match="OutOfMemory") as caught:
        producer.enqueue_many(numbered(3), destination="stores")
    assert (caught.value.maybe_stored, caught.value.stored) == (False, 0)
    assert ids(store) == ["1"]


def test_a_replica_refuses_and_its_words_are_not_shown(producer: Producer, store: redis.Redis) -> None:
    producer.enqueue({"event_id": "1"}, destination="stores")
    store.replicaof("127.0.0.1", "1")
    try:
        with pytest.raises(Unavailable) as caught:
            producer.enqueue({"event_id": "ada"}, destination="stores")
    finally:
        store.replicaof("NO", "ONE")
    assert not caught.value.maybe_stored
    assert "ada" not in str(caught.value)
    producer.enqueue({"event_id": "2"}, destination="stores")
    assert ids(store) == ["1", "2"]


def test_a_key_of_another_kind_is_left_alone(producer: Producer, store: redis.Redis) -> None:
    store.set(INBOX, "something else")
    with pytest.raises(Unavailable, match="WRONGTYPE") as caught:
        producer.enqueue({}, destination="stores")
    assert not caught.value.maybe_stored
    assert store.get(INBOX) == b"something else"


def test_threads_share_a_producer_without_losing_or_mixing_events(producer: Producer, store: redis.Redis) -> None:
    wrong: list[object] = []

    def work(thread: int) -> None:
        for number in range(100):
            event_id = f"{thread}-{number}"
            try:
                if producer.enqueue({"event_id": event_id}, destination="stores") != event_id:
                    wrong.append(event_id)
            except EnqueueError as error:
                wrong.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert sorted(ids(store)) == sorted(f"{thread}-{number}" for thread in range(8) for number in range(100))


def test_a_closed_producer_connects_again(producer: Producer, store: redis.Redis) -> None:
    before = len(store.client_list())  # type: ignore[arg-type]
    producer.enqueue({"event_id": "1"}, destination="stores")
    producer.close()
    for _ in range(2000):  # the server hears of it a moment later
        after = len(store.client_list())  # type: ignore[arg-type]
        if after == before:
            break
        time.sleep(0.01)
    assert after == before
    producer.enqueue({"event_id": "2"}, destination="stores")
    assert ids(store) == ["1", "2"]


def test_the_functions_of_the_package_use_the_environment(
    each_server: Any, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", each_server.url)
    tiktok_events._producer.cache_clear()
    try:
        assert tiktok_events.enqueue({"event_id": "1"}, destination="stores") == "1"
        assert tiktok_events.enqueue_many([{"event_id": "2"}], destination="stores") == ["2"]
        assert ids(store) == ["1", "2"]
        tiktok_events._producer().close()
    finally:
        tiktok_events._producer.cache_clear()
