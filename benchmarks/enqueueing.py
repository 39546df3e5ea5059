"""What does it cost a producer to enqueue, and Redis to hold an event?"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import orjson

from benchmarks.figures import Figure, Row, Target
from benchmarks.ground import DESTINATION, Ground
from benchmarks.order import orders
from benchmarks.plan import Plan
from benchmarks.subjects import sender
from benchmarks.usual import NAIVE
from tiktok_events import Producer
from tiktok_events.keys import REGISTRY
from worker.keys import Keys

_MANY = 10
_SETTINGS = '{"pack": 100}'


def measure(ground: Ground, plan: Plan, tell: Callable[[str], None]) -> Iterator[Row]:
    """Enqueue in turn by `.delay`, by `enqueue`, by `enqueue_many` and by nothing but the command; yield the rows."""
    one, many, delay, bare = [], [], [], []
    sizes: dict[str, list[float]] = {"one": [], "many": [], "delay": []}
    keys = Keys(DESTINATION)
    task = sender(ground, NAIVE)
    with Producer(ground.redis_url) as producer:
        for number in range(plan.pairs):
            tell(f"enqueue {number + 1}/{plan.pairs}")
            batch = list(orders(plan.enqueued))
            bulk = list(orders(plan.enqueued * _MANY))
            _begin(ground)
            delay.append(_micros(task, batch))
            sizes["delay"].append(_bytes(ground, NAIVE, len(batch)))
            one.append(_micros(lambda order: producer.enqueue(order, destination=DESTINATION), batch))
            sizes["one"].append(_bytes(ground, keys.inbox, len(batch)))
            _begin(ground)
            began = time.perf_counter()
            producer.enqueue_many(bulk, destination=DESTINATION)
            many.append((time.perf_counter() - began) / len(bulk) * 1e6)
            sizes["many"].append(_bytes(ground, keys.bulk, len(bulk)))
            _begin(ground)
            with _bare_add(ground, keys.inbox) as add:
                bare.append(_micros(add, [orjson.dumps(order) for order in batch]))
    against = "Celery's .delay"
    yield Figure("enqueue one event", "µs", tuple(one), tuple(delay), against, Target(most=1 / 6))
    yield Figure("enqueue_many", "µs/event", tuple(many), tuple(delay), against, Target(most=1 / 50))
    yield Figure("enqueue one event", "µs", tuple(one), tuple(bare), "XADD over a bare socket", None)
    yield Figure("XADD over a bare socket", "µs", tuple(bare), tuple(delay), against, None)
    held = tuple(sizes["delay"])
    target = Target(most=0.42)
    yield Figure("Redis memory, enqueue", "bytes/event", tuple(sizes["one"]), held, "Celery's message", target)
    yield Figure("Redis memory, enqueue_many", "bytes/event", tuple(sizes["many"]), held, "Celery's message", target)


def _begin(ground: Ground) -> None:
    """Empty Redis, and write down what a worker would have at its start."""
    ground.clear()
    ground.redis.hset(REGISTRY, DESTINATION, _SETTINGS)


def _micros(call: Callable[[Any], object], batch: list[dict[str, Any]]) -> float:
    began = time.perf_counter()
    for order in batch:
        call(order)
    return (time.perf_counter() - began) / len(batch) * 1e6


@contextmanager
def _bare_add(ground: Ground, key: str) -> Iterator[Callable[[bytes], object]]:
    """Lend what adds one event with neither a client nor a check: what Redis and the kernel take in any case."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(ground.redis_socket)

        def add(event: bytes) -> bytes:
            words = (b"XADD", key.encode(), b"*", b"event", event, b"id", b"0123456789abcdef")
            connection.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(w), w) for w in words))
            answer = connection.recv(4096)
            assert answer.startswith(b"$"), answer
            return answer

        yield add


def _bytes(ground: Ground, key: str, count: int) -> float:
    whole: Any = ground.redis.memory_usage(key, samples=0)
    return float(whole) / count
