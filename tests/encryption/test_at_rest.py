"""With keys nothing that Redis has, or writes to its disk, is clear; what came in clear does not stay so."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis as redis_py

from tasks.enqueue import accept
from tiktok_events import Producer
from tiktok_events.sealing import is_sealed
from worker.dead_letters import Changes, Filter, Queries
from worker.envelope import Attempt, Envelope, unpacked
from worker.keys import UNKNOWN, Keys
from worker.registry import register
from worker.retries import Retries
from worker.retries import page as scheduled
from worker.runtime import Runtime
from worker.sandbox import Sandbox
from worker.vault import vault_of

KEYS = Keys("stores")
CANARIES = (b"canary-mail@example.com", b"2025550199", b"canary-user", b"203.0.113.77")
MakeRuntime = Callable[..., Runtime]


def canary_event(number: int, **properties: Any) -> dict[str, Any]:
    mail, phone, user, address = (canary.decode() for canary in CANARIES)
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": f"m-{number}",
        "userId": user,
        "context": {"traits": {"email": mail, "phone": f"+1{phone}"}, "ip": address},
        "properties": {"value": 1, "currency": "USD", "products": [], **properties},
    }


def fill_every_place(url: str, redis: redis_py.Redis, here: Runtime, sandbox: Sandbox, serve: Any) -> None:
    """Leave events in the inbox, in packs, scheduled, dead, edited and replayed."""
    register(redis, here.config)
    with Producer(url) as producer:
        producer.enqueue_many((canary_event(number, value="no number") for number in range(10)), destination="stores")
        producer.enqueue(canary_event(10, value="no number"), destination="stores")
        serve(here)
        sandbox.fault("code", code=50000, message="no", times=None)
        producer.enqueue(canary_event(11), destination="stores")
        serve(here)
        letters = list(Queries(redis, KEYS).scan(Filter()))
        changes = Changes(redis, KEYS)
        assert changes.edit(letters[0].ref, orjson.dumps(canary_event(12)))
        changes.replay(letters[1].ref)
        producer.enqueue_many((canary_event(number) for number in range(20, 40)), destination="stores")
        producer.enqueue(canary_event(13), destination="stores")
    assert redis.hlen(KEYS.dead_events) == 10
    assert redis.hlen(KEYS.dead_revisions) == redis.hlen(KEYS.scheduled) == 1
    assert [redis.xlen(key) for key in KEYS.streams] == [1, 0, 1, 1]


@pytest.mark.parametrize("with_keys", [True, False], ids=["sealed", "clear"])
def test_redis_its_append_only_file_and_its_snapshot_hold_no_identifier(
    with_keys: bool,
    own_server: Any,
    keyed_runtime: MakeRuntime,
    keybox: Any,
    sandbox: Sandbox,
    serve: Any,
) -> None:
    """Without keys they do, or nothing would be proved."""
    if with_keys:
        keybox.use("k1")
    redis = redis_py.Redis.from_url(own_server.url)
    redis.config_set("rdbcompression", "no")
    fill_every_place(own_server.url, redis, keyed_runtime(connect=lambda: redis), sandbox, serve)
    redis.save()
    written = [file.read_bytes() for file in Path(own_server.folder).rglob("*") if file.is_file()]
    written.append(b" ".join(redis.dump(key) or b"" for key in redis.scan_iter()))
    redis.close()
    assert sum(map(len, written)) > 20_000
    found = {canary for canary in CANARIES for text in written if canary in text}
    assert found == (set() if with_keys else set(CANARIES))


def test_what_came_in_clear_is_sealed_when_it_is_stored_again(
    redis: redis_py.Redis, keyed_runtime: MakeRuntime, keybox: Any, sandbox: Sandbox, serve: Any
) -> None:
    keybox.use("k1")
    here = keyed_runtime()
    sandbox.fault("code", code=50000, message="no", times=None)
    redis.xadd(KEYS.inbox, {"event": orjson.dumps(canary_event(1))})
    redis.xadd(KEYS.inbox, {"event": orjson.dumps(canary_event(2, value="no number"))})
    lines = b"\n".join(orjson.dumps(canary_event(number, value="no number")) for number in range(3, 6))
    redis.xadd(KEYS.bulk, {"events": lines, "ids": "m-3\nm-4\nm-5", "n": 3})
    serve(here)
    (packed,) = redis.hvals(KEYS.scheduled)
    assert is_sealed(unpacked(packed).payload)
    dead = redis.hvals(KEYS.dead_events)
    assert len(dead) == 4
    assert all(map(is_sealed, dead))


def test_a_payload_keeps_its_seal_from_the_producer_to_the_second_replay(
    redis: redis_py.Redis,
    redis_url: str,
    keyed_runtime: MakeRuntime,
    keybox: Any,
    sandbox: Sandbox,
    serve: Any,
    promote: Callable[[redis_py.Redis], None],
) -> None:
    keybox.use("k1")
    here = keyed_runtime()
    with Producer(redis_url) as producer:
        producer.enqueue(canary_event(1), destination="stores")
    sealed = redis.xrange(KEYS.inbox)[0][1][b"event"]
    sandbox.fault("code", code=50000, message="no", times=1)
    serve(here)
    (packed,) = redis.hvals(KEYS.scheduled)
    assert unpacked(packed).payload == sealed
    promote(redis)
    assert redis.xrange(KEYS.retry)[0][1][b"event"] == sealed
    sandbox.fault("code", code=40002, message="no", times=2)
    serve(here)
    assert redis.hvals(KEYS.dead_events) == [sealed]
    ref = redis.hkeys(KEYS.dead_events)[0].decode()
    Changes(redis, KEYS).replay(ref)
    assert redis.xrange(KEYS.replay)[0][1][b"event"] == sealed
    serve(here)
    assert redis.hvals(KEYS.dead_events) == [sealed]
    Changes(redis, KEYS).replay(ref)
    serve(here)
    assert redis.hlen(KEYS.dead_events) == 0
    assert redis.hget(KEYS.totals, "delivered") == b"1"


def test_whoever_looks_sees_the_event_and_whoever_gives_up_moves_it_sealed(
    redis: redis_py.Redis, redis_url: str, keyed_runtime: MakeRuntime, keybox: Any, sandbox: Sandbox, serve: Any
) -> None:
    keybox.use("k1")
    here = keyed_runtime()
    with Producer(redis_url) as producer:
        producer.enqueue(canary_event(1), destination="stores")
    sandbox.fault("code", code=50000, message="no", times=1)
    serve(here)
    (waiting,) = scheduled(redis, ["stores"]).events
    assert orjson.loads(waiting.envelope.payload)["messageId"] == "m-1"
    retries = Retries(redis, KEYS)
    found = retries.get(waiting.envelope.ref)
    assert found is not None
    assert orjson.loads(found.envelope.payload) == canary_event(1)
    assert retries.bury(waiting.envelope.ref, settings=here.config.destinations["stores"], now=time.time())
    assert is_sealed(redis.hvals(KEYS.dead_events)[0])
    queries = Queries(redis, KEYS)
    letter = queries.get(waiting.envelope.ref)
    assert letter is not None
    assert letter.event == "Purchase", "it was looked into"
    assert orjson.loads(letter.envelope.payload) == canary_event(1)
    assert Changes(redis, KEYS).edit(letter.ref, b'{"mended":true}')
    edited = queries.get(letter.ref)
    assert edited is not None
    assert edited.envelope.payload == b'{"mended":true}'
    assert queries.original(letter.ref) == letter.envelope.payload


def test_a_dead_letter_counts_the_bytes_of_its_clear_event(
    redis: redis_py.Redis, keyed_runtime: MakeRuntime, keybox: Any, serve: Any
) -> None:
    keybox.use("k1")
    payload = orjson.dumps(canary_event(1, value="no number"))
    redis.xadd(KEYS.inbox, {"event": payload})
    serve(keyed_runtime(max_event_bytes=len(payload)))
    (meta,) = redis.hvals(KEYS.dead_meta)
    assert orjson.loads(meta)["bytes"] == len(payload)
    assert orjson.loads(meta)["reason"] == "invalid"


@pytest.mark.parametrize("packed", [False, True], ids=["single", "pack"])
def test_where_only_sealed_events_are_taken_a_clear_one_dies_sealed_and_a_replay_sends_it(
    packed: bool, redis: redis_py.Redis, keyed_runtime: MakeRuntime, keybox: Any, serve: Any
) -> None:
    keybox.use("k1")
    here = keyed_runtime(require_encryption=True)
    payload = orjson.dumps(canary_event(1))
    if packed:
        redis.xadd(KEYS.bulk, {"events": payload, "ids": "m-1", "n": 1})
    else:
        redis.xadd(KEYS.inbox, {"event": payload})
    serve(here)
    (letter,) = Queries(redis, KEYS).scan(Filter())
    assert letter.reason == "unencrypted"
    assert is_sealed(redis.hvals(KEYS.dead_events)[0])
    Changes(redis, KEYS).replay(letter.ref)
    serve(here)
    assert redis.hget(KEYS.totals, "delivered") == b"1"


def test_producers_are_told_where_only_sealed_events_are_taken(
    redis: redis_py.Redis, keyed_runtime: MakeRuntime
) -> None:
    register(redis, keyed_runtime(require_encryption=True).config)
    assert orjson.loads(redis.hget("tiktok-events:destinations", "stores") or b"")["encrypted"] is True


def test_whatever_an_envelope_says_is_still_said_when_it_is_open(keybox: Any) -> None:
    keybox.use("k1")
    vault = vault_of("stores")
    whole = Envelope(
        "1-0", "m-1", b"{}", 1, "00-1-2-01", 2, (Attempt(1.0, "unavailable", 50000, "no", "r-1"),), 3, True
    )
    kept = vault.kept(whole)
    assert vault.opened(replace(kept, payload=kept.stored, sealed=None)) == kept


def test_an_event_that_comes_by_celery_is_sealed_at_its_door_and_as_a_dead_letter_of_nobody(
    redis: redis_py.Redis, redis_url: str, keyed_runtime: MakeRuntime, keybox: Any
) -> None:
    keybox.use("k1")
    here = keyed_runtime()
    register(redis, here.config)
    with Producer(redis_url) as producer:
        for destination in ("stores", "nowhere"):
            accept(destination, canary_event(1), producer=producer, here=here, now=1.0)
    assert is_sealed(redis.xrange(KEYS.inbox)[0][1][b"event"])
    assert all(map(is_sealed, redis.hvals(Keys(UNKNOWN).dead_events)))
    (letter,) = Queries(redis, Keys(UNKNOWN)).get_many(
        [each.ref for each in Queries(redis, Keys(UNKNOWN)).scan(Filter())]
    )
    assert letter is not None
    assert orjson.loads(letter.envelope.payload) == canary_event(1)
