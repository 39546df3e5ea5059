"""What a Redis without memory left does to the queue: producers wait, deliveries go on, and so it empties itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
import redis as redis_py

from worker.config import Config
from worker.keys import Keys
from worker.lookout import Lookout
from worker.overview import look
from worker.runtime import Runtime
from worker.sandbox import Sandbox
from worker.schedule import Schedule

pytestmark = pytest.mark.every_server

KEYS = Keys("stores")


@contextmanager
def no_memory(redis: redis_py.Redis) -> Iterator[None]:
    redis.config_set("maxmemory", 1)
    try:
        with pytest.raises(redis_py.exceptions.OutOfMemoryError):
            redis.set("anything", 1)
        yield
    finally:
        redis.config_set("maxmemory", 0)


def put(redis: redis_py.Redis, *events: dict[str, Any]) -> None:
    for event in events:
        redis.xadd(KEYS.inbox, {"event": orjson.dumps(event)})


def test_everything_waiting_is_delivered(
    redis: redis_py.Redis,
    make_runtime: Callable[..., Runtime],
    configure: Callable[..., Config],
    order_completed: Callable[..., dict[str, Any]],
    sandbox: Sandbox,
    serve: Callable[..., bool],
) -> None:
    put(redis, *(order_completed(number) for number in range(5)))
    here = make_runtime(guard={"max_dead_share": 1})
    with no_memory(redis):
        tick = Schedule(redis, configure().destinations).look("stores")
        assert len(tick.tokens) == 1
        serve(here, tick.tokens[0])
    assert look(redis, "stores", now=time.time()).totals["delivered"] == 5
    assert len(sandbox.deliveries) == 5


@pytest.mark.parametrize(
    ("fault", "scheduled", "dead", "pause"),
    [
        ({"action": "http", "times": 1}, 2, 0, None),
        ({"action": "throttle", "times": 1}, 2, 0, None),
        ({"action": "code", "code": 40105, "times": 1}, 2, 0, "unauthorized"),
        ({"action": "partial", "times": 1}, 0, 2, None),
    ],
)
def test_every_fate_is_written_down(
    redis: redis_py.Redis,
    make_runtime: Callable[..., Runtime],
    order_completed: Callable[..., dict[str, Any]],
    sandbox: Sandbox,
    serve: Callable[..., bool],
    fault: dict[str, Any],
    scheduled: int,
    dead: int,
    pause: str | None,
) -> None:
    sandbox.fault(**fault)
    put(redis, order_completed(1), order_completed(2))
    here = make_runtime(guard={"max_dead_share": 1})
    with no_memory(redis):
        serve(here, "t")
    now = look(redis, "stores", now=time.time())
    assert (now.in_flight, now.scheduled, now.dead) == (0, scheduled, dead)
    assert (now.pause.reason if now.pause else None) == pause


def test_due_retries_are_promoted_and_a_leader_is_found(
    redis: redis_py.Redis, configure: Callable[..., Config]
) -> None:
    redis.zadd(KEYS.due, {"1-1": 1})
    redis.hset(KEYS.scheduled, "1-1", b'{"ref":"1-1"}\n{}')
    with no_memory(redis):
        tick = Schedule(redis, configure().destinations).look("stores")
        assert Lookout(redis, {}, name="watch:me").leads()
    assert tick.backlog == len(tick.tokens) == redis.xlen(KEYS.retry) == 1
