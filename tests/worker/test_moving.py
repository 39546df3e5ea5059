"""An event that named no destination of ours can be given to one, and is there as if it had always been."""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import redis as redis_py

from tasks.enqueue import accept
from tiktok_events import Producer
from tiktok_events.sealing import VARIABLE, is_sealed
from worker import sandbox as sandboxes
from worker.dead_letters import Changes, DeadLetter, Queries
from worker.keys import UNKNOWN, Keys
from worker.moving import GONE, IN_CLEAR, LOCKED, MOVED, move
from worker.people import index_of
from worker.people.person import Person
from worker.registry import register
from worker.runtime import Runtime

KEYS, NOBODYS = Keys("stores"), Keys(UNKNOWN)
MakeRuntime = Callable[..., Runtime]


@pytest.fixture
def lose(redis: redis_py.Redis, redis_url: str) -> Callable[..., list[DeadLetter]]:
    """Have events come by Celery for a destination that is not there."""

    def come(here: Runtime, *events: Any, named: str = "shop") -> list[DeadLetter]:
        register(redis, here.config)
        with Producer(redis_url) as producer:
            for event in events:
                accept(named, event, producer=producer, here=here, now=time.time() - 3600)
        return found(redis, NOBODYS)

    return come


def found(redis: redis_py.Redis, keys: Keys) -> list[DeadLetter]:
    refs = [ref.decode() for ref in redis.zrange(keys.dead, 0, -1)]
    return [letter for letter in Queries(redis, keys).get_many(refs) if letter is not None]


def test_it_becomes_a_dead_letter_there_and_a_replay_delivers_it_with_its_own_id_and_age(
    redis: redis_py.Redis,
    make_runtime: MakeRuntime,
    lose: Any,
    serve: Any,
    order_completed: Any,
    sandbox: sandboxes.Sandbox,
) -> None:
    here = make_runtime()
    (lost,) = lose(here, order_completed(1))
    assert move(redis, [lost], here.config.destinations["stores"]) == {MOVED: 1}
    assert found(redis, NOBODYS) == []
    (there,) = found(redis, KEYS)
    assert (there.destination, there.reason, there.ref) == ("stores", "unknown_destination", lost.ref)
    assert there.envelope.enqueued_at == lost.envelope.enqueued_at
    Changes(redis, KEYS).replay(there.ref)
    serve(here)
    assert [record["event"]["event_id"] for record in sandbox.events] == [lost.envelope.id]
    assert redis.hget(NOBODYS.totals, "moved") == b"1"


def test_a_second_move_after_a_crash_in_between_leaves_it_in_one_place(
    redis: redis_py.Redis, make_runtime: MakeRuntime, lose: Any, order_completed: Any
) -> None:
    here = make_runtime()
    (lost,) = lose(here, order_completed(1))
    target = here.config.destinations["stores"]
    Changes(redis, KEYS).add(lost)
    assert move(redis, [lost], target) == {MOVED: 1}
    assert (len(found(redis, KEYS)), len(found(redis, NOBODYS))) == (1, 0)
    assert move(redis, [lost], target) == {GONE: 1}


def test_where_identifiers_are_hashed_at_the_door_they_are_hashed_before_it_is_there(
    redis: redis_py.Redis, make_runtime: MakeRuntime, lose: Any, order_completed: Any
) -> None:
    here = make_runtime(hash_at_door=True)
    lost = lose(here, order_completed(1), "no object")
    assert move(redis, lost, here.config.destinations["stores"]) == {MOVED: 1, IN_CLEAR: 1}
    (there,) = found(redis, KEYS)
    assert b"person1@example.com" not in there.envelope.payload
    assert len(orjson.loads(there.envelope.payload)["context"]["traits"]["email"]) == 64
    assert len(found(redis, NOBODYS)) == 1


def test_it_is_sealed_anew_and_what_does_not_open_stays(
    redis: redis_py.Redis,
    make_runtime: MakeRuntime,
    lose: Any,
    order_completed: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, f"one:{b64encode(bytes(32)).decode()}")
    here = make_runtime()
    target = here.config.destinations["stores"]
    (lost,) = lose(here, order_completed(1))
    monkeypatch.setenv(VARIABLE, f"two:{b64encode(bytes(range(32))).decode()}")
    (locked,) = found(redis, NOBODYS)
    assert move(redis, [locked], target) == {LOCKED: 1}
    monkeypatch.setenv(VARIABLE, f"one:{b64encode(bytes(32)).decode()}")
    assert move(redis, [lost], target) == {MOVED: 1}
    (stored,) = redis.hvals(KEYS.dead_events)
    assert is_sealed(stored)
    (there,) = found(redis, KEYS)
    assert there.envelope.locked is None
    assert orjson.loads(there.envelope.payload)["messageId"] == lost.envelope.id


def test_a_person_is_found_where_their_event_went(
    redis: redis_py.Redis, make_runtime: MakeRuntime, lose: Any, order_completed: Any
) -> None:
    here = make_runtime()
    target = here.config.destinations["stores"]
    (lost,) = lose(here, order_completed(1))
    move(redis, [lost], target)
    index = index_of(redis, "stores", target)
    sought = Person(email="person1@example.com").sought(index.places, index.region)
    assert index.refs(sought.hashes) == {lost.ref}


def test_a_name_that_looks_like_a_person_is_not_kept(
    redis: redis_py.Redis, make_runtime: MakeRuntime, lose: Any, order_completed: Any
) -> None:
    (lost,) = lose(make_runtime(), order_completed(1), named="ada@example.com")
    assert "ada@example.com" not in lost.message
    assert b"ada@example.com" not in redis.hget(NOBODYS.dead_meta, lost.ref)
