"""What does a worker cost, and how quick is it, when there is little to do?

One worker goes through four phases: it starts with one event waiting, idles, gets 50 events a second, then 1,000.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from benchmarks.figures import Figure, Missing, Row, Target, alternate
from benchmarks.ground import DESTINATION, Ground, wait
from benchmarks.order import order
from benchmarks.plan import Plan
from benchmarks.processes import Group, cpu_seconds
from benchmarks.subjects import ONE_TASK_PER_EVENT, Ours, Subject, sender
from benchmarks.usual import NAIVE
from tiktok_events import Producer

_SETTLE_SECONDS = 4.0
"""until a worker that has delivered its first event is idle"""
_MINUTE_SECONDS = 60.0
_LIGHT, _TRICKLE = 50, 1000
"""events a second"""


@dataclass(frozen=True, slots=True)
class _Seen:
    start_seconds: float
    idle_cpu: float
    """share of a core; 0 where the system does not account for it"""
    p50_ms: float
    p99_ms: float
    micros_an_event: float


def measure(ground: Ground, plan: Plan, tell: Callable[[str], None]) -> Iterator[Row]:
    """Take a worker of ours and one of the naive set-up through the phases in turn; yield the rows."""
    with Producer(ground.redis_url) as producer:
        delay = sender(ground, NAIVE)
        messages = _messages(ground, int(_TRICKLE * plan.trickle_seconds))

        def enqueue(event: dict[str, Any]) -> object:
            return producer.enqueue(event, destination=DESTINATION)

        def hand_over(number: int) -> object:
            # `.delay` costs so much itself that a thousand a second would take a core from the worker.
            return ground.redis.lpush(NAIVE, messages[number])

        def ours() -> _Seen:
            tell("light load: ours")
            return _phases(ground, plan, Ours(bulk=False), enqueue, lambda number: enqueue(_now(number)))

        def naive() -> _Seen:
            tell("light load: one task per event")
            return _phases(ground, plan, ONE_TASK_PER_EVENT, delay, hand_over)

        own, other = alternate(plan.pairs, ours, naive)

    def row(name: str, unit: str, field: str, most: float, against: str) -> Row:
        mine, theirs = (tuple(float(getattr(seen, field)) for seen in found) for found in (own, other))
        if not all(theirs):
            return Missing(name, "this system does not account for it")
        return Figure(name, unit, mine, theirs, against, Target(most=most))

    yield row("latency at 50 events/s, p50", "ms", "p50_ms", 0.5, "one task per event")
    yield row("latency at 50 events/s, p99", "ms", "p99_ms", 0.5, "one task per event")
    yield row("CPU at 1,000 events/s, worker and Redis", "µs/event", "micros_an_event", 0.1, "one task per event")
    yield row("idle worker, CPU", "% of a core", "idle_cpu", 1.2, "Celery worker")
    yield _commands_of_a_minute(ground, plan, tell)
    yield row("start of a worker to its first delivery", "s", "start_seconds", 1.5, "Celery worker")


def _phases(
    ground: Ground,
    plan: Plan,
    subject: Subject,
    enqueue: Callable[[dict[str, Any]], object],
    hand_over: Callable[[int], object],
) -> _Seen:
    ground.clear()
    enqueue(_now(0))
    started = time.time()
    with subject.workers(ground) as worker:
        wait(lambda: ground.arrived() == 1, seconds=30, what=f"start of {subject.name}")
        first = ground.record()["arrivals"][0][0] - started
        time.sleep(_SETTLE_SECONDS)
        idle_cpu = _idle(ground, worker, plan.idle_seconds)
        ground.forget()
        count = int(_LIGHT * plan.latency_seconds)
        _pace(_LIGHT, count, lambda number: enqueue(_now(number)))
        wait(lambda: ground.arrived() == count, seconds=30, what=f"light load on {subject.name}")
        waits = quantiles(ground.record()["waits_ms"], n=100, method="inclusive")
        ground.forget()
        before = _cpu(ground, worker)
        _pace(_TRICKLE, int(_TRICKLE * plan.trickle_seconds), hand_over)
        arrived, after = ground.arrived(), _cpu(ground, worker)
    micros = (after - before) / max(1, arrived) * 1e6
    return _Seen(first, idle_cpu, waits[49], waits[98], micros)


def _idle(ground: Ground, worker: Group, seconds: float) -> float:
    before = _cpu(ground, worker, redis=False)
    time.sleep(seconds)
    return (_cpu(ground, worker, redis=False) - before) / seconds * 100


def _commands_of_a_minute(ground: Ground, plan: Plan, tell: Callable[[str], None]) -> Row:
    """Count what clients ask of Redis in a minute: after that, everything that an idle worker does comes again."""
    name = "idle worker, Redis commands in a minute"
    if not plan.is_full:
        return Missing(name, "only in a full run")
    counts = []
    for subject in (Ours(bulk=False), ONE_TASK_PER_EVENT):
        tell(f"an idle minute: {subject.name}")
        ground.clear()
        subject.fill(ground, 1)
        with subject.workers(ground):
            wait(lambda: ground.arrived() == 1, seconds=30, what=f"start of {subject.name}")
            time.sleep(_SETTLE_SECONDS)
            counts.append(_asked(ground))
    own, other = counts
    return Figure(name, "commands", (own,), (other,), "Celery worker", Target(most=1.2))


def _asked(ground: Ground) -> float:
    """Count the commands of a minute, without what scripts do inside Redis."""
    end = time.monotonic() + _MINUTE_SECONDS
    asked = 0
    with ground.redis.monitor() as monitor:
        for told in monitor.listen():
            asked += told["client_type"] != "lua"
            if time.monotonic() > end:
                return float(asked)
    raise AssertionError("a monitor listens for ever")


def _cpu(ground: Ground, worker: Group, *, redis: bool = True) -> float:
    with suppress(OSError):
        return cpu_seconds(worker.process_ids()) + (ground.cpu_of_redis() if redis else 0.0)
    return 0.0


def _now(number: int) -> dict[str, Any]:
    """Return an order whose id tells the sink when it was enqueued."""
    now = time.time_ns()
    return order(number, at=now / 1e9, event_id=f"at-{now}-{number}")


def _messages(ground: Ground, count: int) -> list[bytes]:
    """Return Celery messages with an order each, ready to be queued."""
    ground.clear()
    ONE_TASK_PER_EVENT.fill(ground, count)
    found: Any = ground.redis.lrange(NAIVE, 0, -1)
    return list(found)


def _pace(rate: int, count: int, call: Callable[[int], object]) -> None:
    began = time.perf_counter()
    for number in range(count):
        pause = began + number / rate - time.perf_counter()
        if pause > 0:
            time.sleep(pause)
        call(number)
