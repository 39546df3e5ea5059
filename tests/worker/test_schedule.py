"""Which destinations get deliver tasks, and how many: never more than there is work for, never none for long.

The server's clock cannot be turned: a lease that is to have ended gets a score in the past.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import redis as redis_py

from worker.config import Config
from worker.inbox import Inbox, Terms
from worker.keys import GROUP, Keys
from worker.pauses import Pauses
from worker.runtime import Runtime
from worker.sandbox import Sandbox
from worker.schedule import Schedule, Tick

pytestmark = pytest.mark.every_server

KEYS = Keys("stores")
Look = Callable[..., Tick]


@pytest.fixture
def look(redis: redis_py.Redis, configure: Callable[..., Config]) -> Look:
    """Look once at the destination, with these settings."""

    def once(**settings: Any) -> Tick:
        given = {"batch_size": 10, "max_in_flight": 3, **settings}
        return Schedule(redis, configure(**given).destinations).look("stores")

    return once


def add(redis: redis_py.Redis, count: int) -> None:
    for number in range(count):
        redis.xadd(KEYS.inbox, {"event": b"{}", "id": f"id-{number}"})


def ms(ahead_seconds: float = 0) -> int:
    return int((time.time() + ahead_seconds) * 1000)


@pytest.mark.parametrize(("events", "tasks"), [(0, 0), (1, 1), (10, 1), (11, 2), (30, 3), (500, 3)])
def test_there_are_as_many_tasks_as_batches_up_to_the_limit(
    redis: redis_py.Redis, look: Look, events: int, tasks: int
) -> None:
    add(redis, events)
    assert len(look().tokens) == tasks


def test_leases_bound_the_tasks_however_often_anybody_looks(redis: redis_py.Redis, look: Look) -> None:
    add(redis, 500)
    assert sum(len(look().tokens) for _ in range(10)) == 3
    assert redis.zcard(KEYS.slices) == 3


def test_a_lost_wake_up_is_replaced_when_its_lease_ends(redis: redis_py.Redis, look: Look) -> None:
    add(redis, 500)
    lost = look().tokens[0]
    assert 5 < redis.zscore(KEYS.slices, lost) / 1000 - time.time() <= 15
    assert look().tokens == ()
    redis.zadd(KEYS.slices, {lost: ms(-1)})
    assert len(look().tokens) == 1


def test_a_slice_that_is_over_keeps_its_lease_for_the_one_that_follows(
    redis: redis_py.Redis, look: Look, make_runtime: Callable[..., Runtime], serve: Callable[..., bool]
) -> None:
    here = make_runtime(batch_size=10, max_in_flight=3, unmapped="discard")
    add(redis, 500)
    token, *_ = look().tokens
    ticking = itertools.count()
    assert serve(here, token, seconds=6, clock=lambda: next(ticking)) is True
    assert 0 < redis.xlen(KEYS.inbox) < 500
    assert look().tokens == ()


def test_a_producers_wake_up_comes_in_only_while_there_is_room(
    redis: redis_py.Redis,
    look: Look,
    make_runtime: Callable[..., Runtime],
    sandbox: Sandbox,
    serve: Callable[..., bool],
) -> None:
    here = make_runtime(batch_size=10, max_in_flight=3, unmapped="discard")
    add(redis, 500)
    tokens = look().tokens
    assert serve(here, "a producer's") is False
    assert redis.xlen(KEYS.inbox) == 500
    assert set(redis.zrange(KEYS.slices, 0, -1)) == {token.encode() for token in tokens}
    redis.zadd(KEYS.slices, {tokens[0]: ms(-1)})
    assert serve(here, "a producer's") is False
    assert redis.xlen(KEYS.inbox) == 0


def test_a_destination_that_may_not_go_on_reserves_nothing(redis: redis_py.Redis, look: Look) -> None:
    add(redis, 5)
    pauses = Pauses(redis, KEYS)
    pauses.pause("command", detail="", by="me", credential="", now=time.time())
    tick = look()
    assert (tick.tokens, tick.backlog, tick.wait_seconds, tick.blocked, tick.quiet) == ((), 5, None, True, False)
    pauses.resume(now=time.time())

    pauses.block(30)
    tick = look()
    assert tick.tokens == ()
    assert tick.wait_seconds == pytest.approx(30, abs=5)
    redis.delete(KEYS.state)

    redis.hset(KEYS.breaker, "open_until", ms(20))
    tick = look()
    assert tick.tokens == ()
    assert tick.wait_seconds == pytest.approx(20, abs=5)
    redis.hset(KEYS.breaker, "open_until", ms(-1))
    assert len(look().tokens) == 1


def test_a_short_block_does_not_shorten_a_long_one(redis: redis_py.Redis, look: Look) -> None:
    add(redis, 1)
    Pauses(redis, KEYS).block(300)
    Pauses(redis, KEYS).block(1)
    assert look().wait_seconds == pytest.approx(300, abs=20)


def test_due_retries_are_promoted_and_the_next_one_is_waited_for(redis: redis_py.Redis, look: Look) -> None:
    for ref, ahead in (("1-1", -1), ("1-2", -1), ("1-3", 60)):
        redis.zadd(KEYS.due, {ref: ms(ahead)})
        redis.hset(KEYS.scheduled, ref, b'{"ref":"%b"}\n{}' % ref.encode())
    tick = look()
    assert (tick.backlog, len(tick.tokens), redis.xlen(KEYS.retry)) == (2, 1, 2)
    assert tick.wait_seconds == pytest.approx(60, abs=20)


def test_what_a_silent_worker_holds_causes_a_task_and_what_a_living_one_holds_does_not(
    redis: redis_py.Redis, look: Look
) -> None:
    add(redis, 5)
    held = Inbox(redis, KEYS, consumer="silent").take("t", Terms()).batch
    redis.delete(KEYS.slices)
    assert look().tokens == ()
    for claimed in held:
        redis.xclaim(KEYS.inbox, GROUP, "silent", 0, [claimed.entry_id], idle=3_600_000)
    tick = look()
    assert (tick.backlog, len(tick.tokens)) == (5, 1)


def test_entries_deleted_while_they_were_held_do_not_hide_new_ones_for_ever(
    redis: redis_py.Redis, look: Look, make_runtime: Callable[..., Runtime], serve: Callable[..., bool]
) -> None:
    add(redis, 300)
    held = [claimed.entry_id for claimed in Inbox(redis, KEYS, consumer="silent").take("t", Terms()).batch]
    redis.xclaim(KEYS.inbox, GROUP, "silent", 0, held, idle=3_600_000)
    redis.xtrim(KEYS.inbox, maxlen=0, approximate=False)
    add(redis, 5)
    here = make_runtime(batch_size=10, unmapped="discard")
    for token in look().tokens:
        serve(here, token)
    assert redis.xlen(KEYS.inbox) == 0


def test_a_group_that_nobody_has_made_yet_hides_nothing(redis: redis_py.Redis, look: Look) -> None:
    redis.xadd(KEYS.replay, {"event": b"{}", "meta": orjson.dumps({})})
    assert look().backlog == 1
