"""An overview counts every event once, wherever it is, and one round trip shows many destinations."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import redis as redis_py

from worker.config import Config
from worker.inbox import Inbox, Terms
from worker.keys import GROUP, Keys
from worker.limiter import Limiter, scope
from worker.overview import MINUTES, look, look_at
from worker.pauses import Pauses

KEYS = Keys("stores")


def add(redis: redis_py.Redis, stream: str, count: int) -> None:
    for number in range(count):
        redis.xadd(stream, {"event": b"{}", "id": f"id-{number}"})


def test_a_destination_that_never_had_an_event_is_all_zero(redis: redis_py.Redis) -> None:
    found = look(redis, "stores", now=time.time())
    assert (found.waiting, found.in_flight, found.dead, found.running) == (0, 0, 0, 0)
    assert (found.breaker, found.pause, found.next_retry_seconds, found.is_stopped) == ("closed", None, None, False)
    assert found.delivered_by_minute == (0,) * MINUTES


def test_waiting_and_in_flight_are_told_apart(redis: redis_py.Redis) -> None:
    add(redis, KEYS.inbox, 5)
    Inbox(redis, KEYS, consumer="a").take("t", Terms(size=2))
    add(redis, KEYS.replay, 1)
    found = look(redis, "stores", now=time.time() + 7)
    assert (found.waiting, found.in_flight) == (4, 2)
    assert 7 <= found.oldest_seconds < 27


def test_events_in_packs_are_counted_one_by_one(redis: redis_py.Redis) -> None:
    for _ in range(4):
        redis.xadd(KEYS.bulk, {"events": b"{}\n{}", "ids": b"a\nb", "n": 2})
    redis.set(KEYS.bulk_size, 8)
    assert look(redis, "stores", now=time.time()).waiting == 8
    redis.xgroup_create(KEYS.bulk, GROUP, "0")
    redis.xreadgroup(GROUP, "a", {KEYS.bulk: ">"}, count=1)
    found = look(redis, "stores", now=time.time())
    assert (found.waiting, found.in_flight) == (6, 2)


def test_minutes_are_told_in_their_order_without_the_one_that_is_not_over(redis: redis_py.Redis) -> None:
    now = 1_800_000_030.0
    minute = int(now // 60)
    redis.hset(KEYS.minute(minute), "delivered", 99)
    redis.hset(KEYS.minute(minute - 1), mapping={"delivered": 3, "retried": 2, "dead": 1, "requests": 4})
    redis.hset(KEYS.minute(minute - MINUTES), "delivered", 7)
    redis.hset(KEYS.minute(minute - MINUTES - 1), "delivered", 8)
    found = look(redis, "stores", now=now)
    assert found.delivered_by_minute == (7, *(0,) * (MINUTES - 2), 3)
    assert found.failed_by_minute == (*(0,) * (MINUTES - 1), 3)
    assert found.last_minute == {"dead": 1, "delivered": 3, "requests": 4, "retried": 2}


def test_a_pause_a_block_and_a_breaker_are_told(redis: redis_py.Redis) -> None:
    pauses = Pauses(redis, KEYS)
    pauses.pause("command", detail="moving", by="ada", credential="c", now=5.0)
    found = look(redis, "stores", now=time.time())
    assert found.pause == pauses.current()
    assert found.is_stopped
    pauses.resume(now=0)
    pauses.block(20)
    assert 5 < look(redis, "stores", now=time.time()).blocked_seconds <= 20
    redis.hset(KEYS.breaker, "open_until", int(time.time() * 1000) + 20_000)
    assert look(redis, "stores", now=time.time()).breaker == "open"
    redis.hset(KEYS.breaker, mapping={"opened_at": 5000, "why": "no answer: ConnectTimeout"})
    found = look(redis, "stores", now=time.time())
    assert (found.breaker_since, found.breaker_why) == (5.0, "no answer: ConnectTimeout")
    assert look(redis, "stores", now=time.time() + 21).breaker == "half-open"


def test_the_rate_limit_in_force_is_told_with_what_has_grown_back(
    redis: redis_py.Redis, configure: Callable[..., Config]
) -> None:
    settings = configure().destinations
    stores = settings["stores"]
    name = scope(stores.credentials.fingerprint(), stores.mapping.event_source_id, "event/track/")
    (before,) = look_at(redis, ["stores"], now=time.time(), settings=settings)
    assert before.limit_in_force == 1.0
    Limiter(redis).throttled(name, now=time.time())
    (after,) = look_at(redis, ["stores"], now=time.time(), settings=settings)
    assert after.limit_in_force == 0.5
    redis.hset(f"tiktok-events:{{limit:{name}}}", "raised", int(time.time() * 1000) - 25_000)
    (later,) = look_at(redis, ["stores"], now=time.time(), settings=settings)
    assert later.limit_in_force == pytest.approx(0.7)
    assert look(redis, "stores", now=time.time()).limit_in_force is None


def test_many_are_seen_in_one_round_trip_and_a_broken_one_hides_none_of_the_others(redis: redis_py.Redis) -> None:
    names = [f"shop-{number}" for number in range(200)]
    for name in names:
        add(redis, Keys(name).inbox, 1)
    look(redis, "stores", now=time.time())  # so that Redis knows the script
    redis.set(Keys("shop-7").dead, "something of somebody else's")
    calls: list[int] = []
    made = redis.pipeline

    def counted(transaction: bool = True) -> redis_py.client.Pipeline:
        calls.append(1)
        return made(transaction=transaction)

    redis.pipeline = counted  # type: ignore[method-assign]
    found = look_at(redis, names, now=time.time())
    assert len(calls) == 1
    assert [one.destination for one in found] == names
    assert {one.destination: one.fault for one in found if one.fault} == {"shop-7": "WRONGTYPE"}
    assert sum(one.waiting for one in found) == 199
    assert found[7].is_stopped
    with pytest.raises(redis_py.ResponseError):
        look(redis, "shop-7", now=time.time())
