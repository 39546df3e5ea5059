"""What is scheduled is seen in its order, tried at once on request, and given up without losing one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import redis as redis_py

from worker import retries as schedule
from worker.calls import Calls
from worker.config import Config
from worker.dead_letters import Changes, Filter, Queries
from worker.envelope import Attempt, Envelope
from worker.keys import Keys
from worker.retries import Retries
from worker.runtime import Runtime
from worker.sandbox import Sandbox
from worker.schedule import Lease, Schedule
from worker.serving import Slice

pytestmark = pytest.mark.every_server

KEYS = Keys("stores")


def plan(redis: redis_py.Redis, ref: str, *, ahead: float, keys: Keys = KEYS, payload: bytes = b"{}") -> Envelope:
    attempt = Attempt(time.time(), "unavailable", 50000, "try later", "request-1")
    envelope = Envelope(ref, f"id-{ref}", payload, int(time.time() * 1000), attempts=1, history=(attempt,))
    redis.zadd(keys.due, {ref: (time.time() + ahead) * 1000})
    redis.hset(keys.scheduled, ref, envelope.packed())
    return envelope


def test_the_schedule_of_all_destinations_is_one_and_is_leafed_through_both_ways(redis: redis_py.Redis) -> None:
    for number in range(30):
        plan(redis, f"{number:02d}", ahead=60 + number, keys=Keys("stores" if number % 3 else "web"))
    first = schedule.page(redis, ["stores", "web"], size=12)
    second = schedule.page(redis, ["stores", "web"], start=first.later, size=12)
    third = schedule.page(redis, ["stores", "web"], start=second.later, size=12)
    refs = [each.envelope.ref for page in (first, second, third) for each in page.events]
    assert refs == [f"{number:02d}" for number in range(30)]
    assert (first.sooner, third.later) == (None, None)
    assert schedule.page(redis, ["stores", "web"], start=third.sooner, sooner=True, size=12).events == second.events
    assert schedule.count(redis, ["stores", "web", "none"]) == {"stores": 20, "web": 10}


def test_now_moves_only_those_that_are_named_and_not_due_yet(redis: redis_py.Redis) -> None:
    plan(redis, "due", ahead=-5)
    plan(redis, "soon", ahead=60)
    plan(redis, "later", ahead=90)
    before = redis.zscore(KEYS.due, "due")
    assert Retries(redis, KEYS).now(["due", "soon", "never was"]) == 1
    assert redis.zscore(KEYS.due, "due") == before
    assert redis.zscore(KEYS.due, "soon") <= time.time() * 1000 < redis.zscore(KEYS.due, "later")


@pytest.mark.parametrize("count", [0, 3, 2_500])
def test_all_now_moves_all_in_bounded_calls(redis: redis_py.Redis, count: int) -> None:
    redis.delete(KEYS.due)
    if count:
        redis.zadd(KEYS.due, {str(number): (time.time() + 60 + number) * 1000 for number in range(count)})
    assert Retries(redis, KEYS).all_now() == count
    assert redis.zcount(KEYS.due, "-inf", (time.time() + 1) * 1000) == count


def test_one_that_is_tried_now_is_delivered(
    redis: redis_py.Redis,
    make_runtime: Callable[..., Runtime],
    order_completed: Callable[..., dict[str, Any]],
    sandbox: Sandbox,
) -> None:
    here = make_runtime()
    plan(redis, "1-1", ahead=3600, payload=orjson.dumps(order_completed(1)))
    Retries(redis, KEYS).now(["1-1"])
    (token, *_) = Schedule(redis, here.config.destinations).look("stores").tokens
    Slice(here, Calls(here.redis, print)).run([Lease("stores", token)], listen=False)
    assert set(sandbox.deliveries) == {"message-1"}


def test_one_that_is_given_up_is_a_dead_letter_with_everything_known_of_it_and_comes_back_whole(
    redis: redis_py.Redis, configure: Callable[..., Config], order_completed: Callable[..., dict[str, Any]]
) -> None:
    settings = configure().destinations["stores"]
    payload = orjson.dumps(order_completed(1))
    envelope = plan(redis, "1-1", ahead=60, payload=payload)
    assert Retries(redis, KEYS).bury("1-1", settings=settings, now=time.time())
    assert (redis.zcard(KEYS.due), redis.hlen(KEYS.scheduled)) == (0, 0)
    (found,) = Queries(redis, KEYS).scan(Filter(reason="given_up", code=50000, event="Purchase"))
    whole = Queries(redis, KEYS).get(found.ref)
    assert whole is not None
    assert whole.envelope == envelope
    assert (whole.message, whole.request_id) == ("try later", "request-1")
    assert whole.event_time is not None
    assert redis.hgetall(KEYS.totals) == {b"dead": b"1", b"dead:given_up": b"1"}
    assert not Retries(redis, KEYS).bury("1-1", settings=settings, now=time.time())
    Changes(redis, KEYS).replay("1-1")
    ((_, entry),) = redis.xrange(KEYS.replay)
    assert entry[b"event"] == payload


def test_one_whose_event_is_no_longer_of_use_is_given_up_all_the_same(
    redis: redis_py.Redis, configure: Callable[..., Config]
) -> None:
    plan(redis, "1-1", ahead=60, payload=b"no json")
    plan(redis, "1-2", ahead=60)
    for ref, settings in (("1-1", configure().destinations["stores"]), ("1-2", None)):
        assert Retries(redis, KEYS).bury(ref, settings=settings, now=time.time())
    assert Queries(redis, KEYS).facets()["event"] == {}


def test_one_that_is_being_tried_is_not_given_up(redis: redis_py.Redis) -> None:
    plan(redis, "1-1", ahead=60)
    redis.zrem(KEYS.due, "1-1")
    assert not Retries(redis, KEYS).bury("1-1", settings=None, now=time.time())
    assert Queries(redis, KEYS).count() == 0


def test_an_update_of_an_order_that_is_given_up_holds_no_other_back(redis: redis_py.Redis) -> None:
    plan(redis, "1-1", ahead=60)
    order = KEYS.order("digest")
    redis.hset(KEYS.order_refs, mapping={"1-1": order, "1-2": order})
    redis.hset(order, mapping={"w:1-1": "1 1 1 r", "w:1-2": "2 2 1 d"})
    assert Retries(redis, KEYS).bury("1-1", settings=None, now=time.time())
    assert redis.hkeys(order) == [b"w:1-2"]
    assert redis.hkeys(KEYS.order_refs) == [b"1-2"]


def test_a_key_of_the_wrong_type_is_found_before_anything_is_moved(redis: redis_py.Redis) -> None:
    plan(redis, "1-1", ahead=60)
    redis.set(KEYS.dead_events, "not a hash")
    with pytest.raises(redis_py.ResponseError, match="WRONGTYPE"):
        Retries(redis, KEYS).bury("1-1", settings=None, now=time.time())
    assert (redis.zcard(KEYS.due), redis.hlen(KEYS.scheduled), redis.zcard(KEYS.dead)) == (1, 1, 0)
