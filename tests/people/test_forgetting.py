"""A person's events leave every place; everybody else's stay, and nothing comes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from redis import Redis

from tiktok_events import Producer
from worker.dead_letters import Changes, Filter, Queries
from worker.inbox import Inbox, Terms
from worker.keys import GROUP
from worker.overview import look
from worker.people import Erased, forget
from worker.sandbox import Sandbox

MakeOrder = Callable[..., dict[str, Any]]


def ours(number: int = 1) -> bytes:
    return orjson.dumps({"userId": str(number), "properties": {"email": f"person{number}@example.com"}})


def run(store: Any, *, wait: float = 0, silence: float = 60, quick: bool = False, **given: str) -> Erased:
    sought = store.sought(**(given or {"email": "person1@example.com"}))
    return forget(
        *(store.redis, store.keys, sought, store.index), silence_seconds=silence, wait_seconds=wait, quick=quick
    )


def everything(redis: Redis) -> bytes:
    """Everything that Redis would tell anybody. A stream keeps bytes of what was removed until its neighbours go."""
    readers: dict[bytes, Callable[[bytes], Any]] = {
        b"stream": redis.xrange,
        b"hash": redis.hgetall,
        b"zset": lambda key: redis.zrange(key, 0, -1),
        b"set": redis.smembers,
        b"string": redis.get,
        b"list": lambda key: redis.lrange(key, 0, -1),
    }
    return repr([(key, readers[redis.type(key)](key)) for key in redis.keys("*")]).encode()


@pytest.mark.parametrize("quick", [False, True])
def test_from_every_place(
    store: Any,
    serve: Callable[..., bool],
    order_completed: MakeOrder,
    redis: Redis,
    redis_url: str,
    sandbox: Sandbox,
    quick: bool,
) -> None:
    sandbox.fault("code", code=50000)
    with Producer(redis_url) as producer:
        producer.enqueue_many([order_completed(number) for number in (1, 2)], destination="stores")
        serve(store.here)
        for number in (1, 2):
            producer.enqueue(order_completed(number, value="x"), destination="stores")
        redis.delete(store.keys.breaker, store.keys.state)
        serve(store.here)
        for number in (1, 2):
            producer.enqueue(order_completed(number), destination="stores")
    for number in (1, 2):
        redis.xadd(store.keys.replay, {"event": ours(number), "meta": _meta(number)})
        redis.xadd(store.keys.retry, {"event": ours(number), "meta": _meta(number)})
    assert (redis.zcard(store.keys.due), redis.zcard(store.keys.dead)) == (2, 2)
    erased = run(store, quick=quick)
    assert erased.places == {"inbox": 1, "retry": 1, "replay": 1, "schedule": 1, "dead letters": 1}
    assert (erased.in_flight, run(store).count) == (0, 0)
    assert b"person1@" not in everything(redis)
    now = look(redis, "stores", now=time.time())
    assert (now.waiting, now.scheduled, now.dead, now.totals["forgotten"]) == (3, 1, 1, 5)
    assert redis.zcard(store.keys.due) == redis.hlen(store.keys.scheduled) == 1


def _meta(number: int) -> bytes:
    from worker.envelope import Envelope

    return Envelope(f"{number}-9", f"id-{number}", b"", 1).meta()


def test_from_packs_of_which_the_rest_stays_and_is_delivered(
    store: Any,
    serve: Callable[..., bool],
    order_completed: MakeOrder,
    redis: Redis,
    redis_url: str,
    sandbox: Sandbox,
) -> None:
    redis.hset("tiktok-events:destinations", "stores", '{"pack": 100}')
    with Producer(redis_url) as producer:
        producer.enqueue_many([order_completed(number) for number in range(150)], destination="stores")
    assert redis.xlen(store.keys.bulk) == 2
    (before, *_) = redis.xrange(store.keys.bulk)
    assert run(store).places == {"bulk": 1}
    assert run(store, phone="+12025550199").count == 0
    assert int(redis.get(store.keys.bulk_size) or 0) == 149
    (_, after) = redis.xrevrange(store.keys.bulk)[0]
    assert (after[b"n"], after[b"enqueued_at"]) == (b"99", before[1][b"enqueued_at"])
    while serve(store.here):
        pass
    assert set(sandbox.deliveries) == {f"message-{number}" for number in range(150) if number != 1}
    assert redis.get(store.keys.bulk_size) is None


def test_a_pack_of_nobody_else_goes_whole(store: Any, order_completed: MakeOrder, redis: Redis, redis_url: str) -> None:
    redis.hset("tiktok-events:destinations", "stores", '{"pack": 100}')
    with Producer(redis_url) as producer:
        producer.enqueue_many([order_completed(number) for number in range(9)], destination="stores")
    assert run(store, phone="+1 202 555 0123").places == {"bulk": 9}
    assert redis.exists(store.keys.bulk_size) == 0
    assert redis.xlen(store.keys.bulk) == 0


def test_what_a_worker_is_sending_is_told_and_found_later(store: Any, redis: Redis) -> None:
    redis.xadd(store.keys.inbox, {"event": ours()})
    (claimed,) = Inbox(redis, store.keys, consumer="w").take("t", Terms()).batch
    started = time.monotonic()
    erased = run(store, wait=0.5)
    assert (erased.count, erased.in_flight) == (0, 1)
    assert 0.4 < time.monotonic() - started < 60
    redis.xack(store.keys.inbox, GROUP, claimed.entry_id)
    redis.xdel(store.keys.inbox, claimed.entry_id)
    assert (run(store).count, run(store).in_flight) == (0, 0)


def test_what_a_dead_worker_held_goes_and_it_can_bring_nothing_back(
    store: Any, serve: Callable[..., bool], redis: Redis
) -> None:
    from worker.envelope import Envelope
    from worker.scripts import run as run_script
    from worker.settlement import Later, Settlement, call

    redis.xadd(store.keys.inbox, {"event": ours()})
    (claimed,) = Inbox(redis, store.keys, consumer="w").take("t", Terms()).batch
    assert run(store, silence=0.0).places == {"inbox": 1}
    envelope: Envelope = claimed.envelope
    settlement = Settlement([(claimed, Later(envelope, 1.0, "retried"))], people=store.index.members([envelope]))
    assert run_script(redis, *call(store.keys, settlement, now=time.time(), ledger_seconds=60)) == 0
    assert redis.hlen(store.keys.scheduled) == 0
    assert b"person1@" not in everything(redis)


def test_edits_are_looked_at_too(store: Any, redis: Redis) -> None:
    store.die(ours(2), "2-0")
    store.die(ours(3), "3-0")
    Changes(redis, store.keys).edit("2-0", ours(1))
    assert run(store).places == {"dead letters": 1}
    assert [each.ref for each in Queries(redis, store.keys).scan(Filter())] == ["3-0"]
    assert redis.hlen(store.keys.dead_revisions) == 0


def test_without_the_index_all_are_read_and_with_it_only_those_it_names(store: Any, redis: Redis) -> None:
    store.die(ours(), "1-0", indexed=False)
    store.die(b"person1@example.com, and no JSON", "2-0")
    store.die(b'{"note": "ask person1@example.com"}', "3-0")
    assert run(store, quick=True).count == 0
    assert run(store).places == {"dead letters": 3}
