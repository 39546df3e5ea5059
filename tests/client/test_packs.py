"""Many events travel in packs, where the workers say that they read them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import redis

from tiktok_events import EventTooLarge, InboxFull, InvalidEvent, Producer, Unavailable, keys

pytestmark = pytest.mark.every_server

INBOX, BULK, SIZE = keys.inbox("stores"), keys.bulk("stores"), keys.bulk_size("stores")


@pytest.fixture
def workers(store: redis.Redis) -> redis.Redis:
    """A Redis in which workers that read packs of a hundred have written down one destination."""
    store.hset(keys.REGISTRY, "stores", '{"pack": 100}')
    return store


def numbered(count: int, **more: Any) -> Iterator[dict[str, Any]]:
    return ({"event_id": str(number), **more} for number in range(count))


def packs(store: redis.Redis) -> list[list[str]]:
    """The ids in each pack, where everything a pack says of itself is true."""
    found = []
    entries: Any = store.xrange(BULK)
    for _, fields in entries:
        ids = fields[b"ids"].decode().split("\n")
        events = [json.loads(line) for line in fields[b"events"].split(b"\n")]
        assert [event["event_id"] for event in events] == ids
        assert int(fields[b"n"]) == len(ids)
        assert len(fields[b"events"]) <= 262_144
        found.append(ids)
    assert int(store.get(SIZE) or 0) == sum(map(len, found))  # type: ignore[arg-type]
    return found


def singles(store: redis.Redis) -> list[str]:
    entries: Any = store.xrange(INBOX)
    return [fields[b"id"].decode() for _, fields in entries]


def test_the_keys_of_packs_share_the_destinations_slot() -> None:
    assert (BULK, SIZE) == ("tiktok-events:{stores}:bulk", "tiktok-events:{stores}:bulk:size")


def test_many_are_packed_in_their_order(producer: Producer, workers: redis.Redis) -> None:
    expected = [str(number) for number in range(1050)]
    assert producer.enqueue_many(numbered(1050), destination="stores") == expected
    assert [len(pack) for pack in packs(workers)] == [100] * 10 + [50]
    assert [event_id for pack in packs(workers) for event_id in pack] == expected
    assert singles(workers) == []


def test_a_pack_says_when_it_came_and_whose_trace_it_is(
    producer: Producer, workers: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans = SimpleNamespace(begin=lambda: "00-trace-span-01", end=lambda **_: None)
    monkeypatch.setattr("tiktok_events.storing.publishing", lambda *_: spans)
    producer.enqueue_many(numbered(4), destination="stores")
    ((entry_id, fields),) = workers.xrange(BULK)  # type: ignore[misc]
    assert fields.keys() == {b"events", b"ids", b"n", b"enqueued_at", b"traceparent"}
    assert abs(int(fields[b"enqueued_at"]) - int(entry_id.split(b"-")[0])) <= 1
    assert fields[b"traceparent"] == b"00-trace-span-01"


def test_a_few_stay_single(producer: Producer, workers: redis.Redis) -> None:
    producer.enqueue_many(numbered(3), destination="stores")
    producer.enqueue({"event_id": "3"}, destination="stores")
    assert singles(workers) == ["0", "1", "2", "3"]
    assert packs(workers) == []


@pytest.mark.parametrize("settings", ["{}", '{"pack": 1}', '{"pack": 0}', '{"pack": "100"}', '{"pack": true}'])
def test_workers_that_do_not_read_packs_get_single_events(
    producer: Producer, store: redis.Redis, settings: str
) -> None:
    store.hset(keys.REGISTRY, "stores", settings)
    producer.enqueue_many(numbered(10), destination="stores")
    assert len(singles(store)) == 10
    assert packs(store) == []


def test_before_any_worker_has_started_events_are_single(producer: Producer, store: redis.Redis) -> None:
    producer.enqueue_many(numbered(10), destination="stores")
    assert len(singles(store)) == 10


def test_a_pack_is_no_larger_than_the_workers_say(producer: Producer, store: redis.Redis) -> None:
    store.hset(keys.REGISTRY, "stores", '{"pack": 7}')
    producer.enqueue_many(numbered(20), destination="stores")
    assert [len(pack) for pack in packs(store)] == [7, 7, 6]


def test_a_pack_has_a_quarter_of_a_mebibyte_at_most_and_a_large_event_travels_alone(
    each_server: Any, workers: redis.Redis
) -> None:
    with Producer(each_server.url, max_event_bytes=300_000) as producer:
        producer.enqueue_many(numbered(19, pad="x" * 30_000), destination="stores")
        assert [len(pack) for pack in packs(workers)] == [8, 8]
        assert singles(workers) == ["16", "17", "18"]
        workers.delete(INBOX, BULK, SIZE)
        events = [*numbered(5), {"event_id": "large", "pad": "x" * 270_000}, *numbered(5)]
        producer.enqueue_many(events, destination="stores")
        assert [len(pack) for pack in packs(workers)] == [5, 5]
        assert singles(workers) == ["large"]


@pytest.mark.parametrize(("room", "packed", "single"), [(250, 200, 50), (200, 200, 0), (3, 0, 3), (0, 0, 0)])
def test_where_a_pack_has_no_room_its_first_events_are_stored(
    each_server: Any, workers: redis.Redis, room: int, packed: int, single: int
) -> None:
    with Producer(each_server.url, max_inbox=room + 20) as producer:
        producer.enqueue_many(numbered(10), destination="stores")
        producer.enqueue_many(numbered(3), destination="stores")
        for _ in range(7):
            producer.enqueue({"event_id": "x"}, destination="stores")
        with pytest.raises(InboxFull, match=f"holds {room + 20} events") as caught:
            producer.enqueue_many(numbered(1000), destination="stores")
        assert (caught.value.stored, caught.value.ids) == (room, [str(number) for number in range(room)])
        assert sum(map(len, packs(workers))) == packed + 10
        assert len(singles(workers)) == single + 10
        with pytest.raises(InboxFull):
            producer.enqueue({}, destination="stores")


def test_a_refused_event_leaves_those_before_it_stored(producer: Producer, workers: redis.Redis) -> None:
    events = [*numbered(333), {"event_id": "bad", "at": object()}, *numbered(500)]
    with pytest.raises(InvalidEvent) as caught:
        producer.enqueue_many(events, destination="stores")
    assert caught.value.stored == 333
    assert (
        [event_id for pack in packs(workers) for event_id in pack]
        == caught.value.ids
        == [str(number) for number in range(333)]
    )


def test_a_full_inbox_is_found_before_a_later_event_that_is_refused(each_server: Any, workers: redis.Redis) -> None:
    events = [*numbered(250), {"pad": "x" * 1000}]
    with (
        Producer(each_server.url, max_inbox=150, max_event_bytes=500) as producer,
        pytest.raises(InboxFull) as caught,
    ):
        producer.enqueue_many(events, destination="stores")
    assert caught.value.stored == 150
    with Producer(each_server.url, max_event_bytes=500) as producer, pytest.raises(EventTooLarge) as later:
        producer.enqueue_many(events, destination="stores")
    assert later.value.stored == 250


def test_text_with_line_breaks_stays_in_its_line(producer: Producer, workers: redis.Redis) -> None:
    text = "a\nb\r\n\u2028\u2029\x0b\x0c\x1c\x85"
    producer.enqueue_many(numbered(5, text=text, **{text: 1}), destination="stores")
    assert len(packs(workers)[0]) == 5
    fields = workers.xrange(BULK)[0][1]  # type: ignore[index]
    assert json.loads(fields[b"events"].split(b"\n")[4])["text"] == text


@pytest.mark.parametrize(("key", "kind"), [(BULK, "WRONGTYPE"), (SIZE, "ERR")])
def test_a_key_of_another_kind_is_left_alone_and_nothing_is_counted(
    producer: Producer, workers: redis.Redis, key: str, kind: str
) -> None:
    workers.set(key, "something else")
    with pytest.raises(Unavailable, match=kind) as caught:
        producer.enqueue_many(numbered(10), destination="stores")
    assert (caught.value.maybe_stored, caught.value.stored) == (False, 0)
    assert workers.get(key) == b"something else"
    assert workers.get(SIZE) in ((b"0",) if key == BULK else (b"something else",))
    assert not workers.exists(INBOX)


def test_a_server_without_memory_counts_nothing(producer: Producer, workers: redis.Redis) -> None:
    producer.enqueue_many(numbered(10), destination="stores")
    workers.config_set("maxmemory", "1")
    with pytest.raises(Unavailable, match="OutOfMemory"):
        producer.enqueue_many(numbered(10), destination="stores")
    assert workers.get(SIZE) == b"10"


def test_an_answer_that_never_came_leaves_the_parts_before_it_stored_and_sends_nothing_twice(fake_redis: Any) -> None:
    stores: list[bytes] = []

    def answer(command: bytes) -> bytes | None:
        if b"EVALSHA" not in command:
            return b"*0\r\n" if b"HGETALL" in command else b"+OK\r\n"
        stores.append(command)
        return b":200\r\n" if len(stores) == 1 else None

    server = fake_redis(answer)
    with Producer(server.url, timeout_seconds=2.0) as producer, pytest.raises(Unavailable) as caught:
        producer.enqueue_many(numbered(900), destination="stores")
    assert (caught.value.maybe_stored, caught.value.stored) == (True, 200)
    assert len(stores) == 2
