"""From one key to the next: everything that is stored is sealed anew, whoever changes it meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
import redis as redis_py

from tiktok_events import Producer
from tiktok_events.sealing import key_id, read_keyring
from worker.dead_letters import Changes, DeadLetter, Filter, Queries
from worker.envelope import Envelope, unpacked
from worker.keys import Keys, credential
from worker.reencryption import Progress, Use, reencrypt, size, uses
from worker.runtime import Runtime
from worker.sandbox import Sandbox

KEYS = Keys("stores")
MakeRuntime = Callable[..., Runtime]


def add_letter(redis: redis_py.Redis, number: int) -> None:
    envelope = Envelope(f"{number}-0", f"id-{number}", orjson.dumps({"n": number}), 1)
    Changes(redis, KEYS).add(DeadLetter("stores", "invalid", "why", envelope, 1.0 + number))


def run_all(redis: redis_py.Redis, *, credentials: tuple[str, ...] = ()) -> Progress:
    keyring = read_keyring()
    assert keyring is not None
    *_, last = [Progress(), *reencrypt(redis, keyring, ["stores"], credentials)]
    return last


def table(redis: redis_py.Redis, *, credentials: tuple[str, ...] = ()) -> set[tuple[str, str | None, int]]:
    return {(use.place, use.key, use.payloads) for use in uses(redis, ["stores"], credentials)}


def test_retries_dead_letters_edits_and_tokens_are_sealed_anew(
    redis: redis_py.Redis,
    redis_url: str,
    keyed_runtime: MakeRuntime,
    keybox: Any,
    sandbox: Sandbox,
    serve: Any,
    order_completed: Callable[..., dict[str, Any]],
) -> None:
    add_letter(redis, 0)
    redis.hset(credential("main"), mapping={"access_token": "t-1", "refresh_token": "t-2", "grant": "g"})
    keybox.use("k1")
    add_letter(redis, 1)
    assert Changes(redis, KEYS).edit("1-0", b'{"edited":1}')
    sandbox.fault("code", code=50000, message="no", times=None)
    with Producer(redis_url) as producer:
        producer.enqueue(order_completed(1), destination="stores")
        serve(keyed_runtime())
        producer.enqueue(order_completed(2), destination="stores")
    assert table(redis, credentials=("main",)) == {
        ("inbox", "k1", 1),
        ("retries", "k1", 1),
        ("dead letters", None, 1),
        ("dead letters", "k1", 1),
        ("edits", "k1", 1),
        ("credential main", None, 2),
    }
    keybox.use("k2", "k1")
    assert size(redis, ["stores"]) == 4
    done = run_all(redis, credentials=("main",))
    assert (done.seen, done.resealed, done.locked) == (4, 6, 0)
    assert table(redis, credentials=("main",)) == {
        ("inbox", "k1", 1),
        ("retries", "k2", 1),
        ("dead letters", "k2", 2),
        ("edits", "k2", 1),
        ("credential main", "k2", 2),
    }
    keybox.use("k2")
    letters = Queries(redis, KEYS).get_many(["0-0", "1-0"])
    assert [letter and letter.envelope.payload for letter in letters] == [b'{"n":0}', b'{"edited":1}']
    assert Queries(redis, KEYS).original("1-0") == b'{"n":1}'
    (packed,) = redis.hvals(KEYS.scheduled)
    assert unpacked(packed).id == "message-1"
    assert run_all(redis, credentials=("main",)).resealed == 0


def test_what_does_not_open_stays_and_is_counted(redis: redis_py.Redis, keybox: Any) -> None:
    keybox.use("k3")
    add_letter(redis, 1)
    (before,) = redis.hvals(KEYS.dead_events)
    keybox.use("k2", "k1")
    add_letter(redis, 2)
    done = run_all(redis)
    assert (done.resealed, done.locked) == (0, 1)
    assert redis.hget(KEYS.dead_events, "1-0") == before


@pytest.mark.parametrize("what", ["edited", "discarded"])
def test_what_somebody_changes_meanwhile_stays_as_they_left_it(
    what: str, redis: redis_py.Redis, keybox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    keybox.use("k1")
    add_letter(redis, 1)
    changes = Changes(redis, KEYS)
    changes.edit("1-0", b'{"first":1}')
    keybox.use("k2", "k1")
    read_before = redis.hmget

    def just_then(key: str, fields: Any) -> Any:
        found = read_before(key, fields)
        if what == "edited":
            changes.edit("1-0", b'{"second":1}')
        else:
            changes.discard(list(Queries(redis, KEYS).scan(Filter())))
        return found

    # Between reading the values and putting the new ones the metas are read.
    calls = iter([read_before, just_then])
    monkeypatch.setattr(redis, "hmget", lambda *given: next(calls, read_before)(*given))
    run_all(redis)
    letter = Queries(redis, KEYS).get("1-0")
    if what == "edited":
        assert letter is not None
        assert letter.envelope.payload == b'{"second":1}'
    else:
        assert letter is None
        assert not redis.exists(KEYS.dead_events, KEYS.dead_revisions)


def test_what_is_tried_again_moves_to_the_new_key_by_itself(
    redis: redis_py.Redis,
    redis_url: str,
    keyed_runtime: MakeRuntime,
    keybox: Any,
    sandbox: Sandbox,
    serve: Any,
    order_completed: Callable[..., dict[str, Any]],
) -> None:
    keybox.use("k1")
    with Producer(redis_url) as producer:
        producer.enqueue(order_completed(1), destination="stores")
    keybox.use("k2", "k1")
    sandbox.fault("code", code=50000, message="no", times=None)
    serve(keyed_runtime())
    (packed,) = redis.hvals(KEYS.scheduled)
    assert key_id(unpacked(packed).payload) == "k2"


def test_counting_sees_every_entry_of_every_stream_and_hash(redis: redis_py.Redis, keybox: Any) -> None:
    keybox.use("k1")
    keyring = read_keyring()
    assert keyring is not None
    sealed = keyring.seal(b"{}", b"")
    pipe = redis.pipeline()
    for number in range(1203):
        for key, field in zip(KEYS.streams, ("event", "event", "event", "events"), strict=True):
            pipe.xadd(key, {"id": "1", field: sealed if number % 3 else b"{}"})
        pipe.hset(KEYS.dead_events, str(number), sealed if number % 3 else b"{}")
        pipe.hset(KEYS.scheduled, str(number), b'{"ref":"1"}\n' + (sealed if number % 3 else b"{}"))
    pipe.execute()
    found = uses(redis, ["stores"], [])
    places = ["inbox", "retry", "replay", "bulk", "retries", "dead letters"]
    expected = [
        Use("stores", place, used, count, place in places[:4])
        for place in places
        for used, count in ((None, 401), ("k1", 802))
    ]
    assert found == expected
