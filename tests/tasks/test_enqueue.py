"""What becomes of an event that a Celery app sends by the task's name, where identifiers are hashed at the door."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from redis import Redis

from tasks.enqueue import accept
from tiktok_events import Producer
from worker.dead_letters import Filter, Queries
from worker.keys import Keys
from worker.registry import register
from worker.runtime import Runtime

MakeOrder = Callable[..., dict[str, Any]]
KEYS = Keys("stores")


def test_identifiers_are_hashed_whether_it_is_taken_or_refused(
    make_runtime: Callable[..., Runtime], order_completed: MakeOrder, redis: Redis, redis_url: str
) -> None:
    here = make_runtime(hash_at_door=True, max_event_bytes=5000)
    register(redis, here.config)
    with Producer(redis_url) as producer:
        for event in (order_completed(1), order_completed(1, note="x" * 6000)):
            accept("stores", event, producer=producer, here=here, now=time.time())
    assert redis.xlen(KEYS.inbox) == 1
    (letter,) = Queries(redis, KEYS).scan(Filter())
    assert (letter.reason, redis.zcard(KEYS.people)) == ("undecodable", 3)
    stored = repr([redis.xrange(KEYS.inbox), redis.hgetall(KEYS.dead_events), redis.zrange(KEYS.people, 0, -1)])
    for canary in ("person1@example.com", "2025550123", "user-1"):
        assert canary not in stored
