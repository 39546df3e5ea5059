"""How workers notice work: one leads, another takes over, and whatever Redis does the waker goes on."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import redis as redis_py
from redis.backoff import NoBackoff
from redis.retry import Retry

from worker.config import Config
from worker.keys import LEADER, Keys
from worker.schedule import Lease
from worker.waker import Waker

KEYS = Keys("stores")


@dataclass
class Worker:
    """A waker whose tasks do their work at once: they empty the inbox and end their lease."""

    waker: Waker
    dispatched: list[tuple[float, str]] = field(default_factory=list)


Start = Callable[..., Worker]


@pytest.fixture
def start(redis_url: str, configure: Callable[..., Config]) -> Iterator[Start]:
    started: list[Worker] = []

    def start_one(name: str = "a", *, url: str = redis_url, destinations: tuple[str, ...] = ("stores",)) -> Worker:
        (settings,) = configure().destinations.values()
        config = replace(configure(), destinations={each: replace(settings, name=each) for each in destinations})
        tasks = redis_py.Redis.from_url(url)

        def call(leases: Sequence[Lease]) -> None:
            at = time.monotonic()
            for destination, _ in leases:
                tasks.delete(Keys(destination).inbox, Keys(destination).slices)
                # Last, since a test that waits for it may add the next entry at once.
                worker.dispatched.append((at, destination))

        def connect() -> redis_py.Redis:
            return redis_py.Redis.from_url(url, socket_timeout=15, retry=Retry(NoBackoff(), 0))

        worker = Worker(Waker(connect, config.destinations, call, lambda: None, name=name))
        started.append(worker)
        worker.waker.start()
        return worker

    yield start_one
    for worker in started:
        worker.waker.stop()
    for worker in started:
        worker.waker.join(30)
        assert not worker.waker.is_alive()


def until(condition: Callable[[], Any], *, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def add(redis: redis_py.Redis, key: str = KEYS.inbox) -> float:
    redis.xadd(key, {"event": b"{}"})
    return time.monotonic()


def test_an_entry_added_by_hand_is_dispatched_within_fifty_milliseconds(redis: redis_py.Redis, start: Start) -> None:
    worker = start()
    until(lambda: redis.exists(LEADER))
    waits = []
    for number in range(15):
        time.sleep(0.03)
        added = add(redis)
        until(lambda wanted=number: len(worker.dispatched) > wanted)  # type: ignore[misc]
        waits.append(worker.dispatched[-1][0] - added)
    # Who only looks, finds an entry after a second, each time. On a busy machine some come later than they would.
    assert sorted(waits)[len(waits) // 3] < 0.05
    assert statistics.median(waits) < 0.3


def test_one_of_many_leads_and_another_takes_over_when_it_dies(redis: redis_py.Redis, start: Start) -> None:
    workers = {f"watch:{name}".encode(): start(name) for name in ("a", "b", "c")}
    until(lambda: redis.exists(LEADER))
    leader = redis.get(LEADER)
    assert isinstance(leader, bytes)
    dead = workers[leader]
    for number in range(5):
        add(redis)
        until(lambda wanted=number: len(dead.dispatched) > wanted)  # type: ignore[misc]
    assert {name for name, worker in workers.items() if worker.dispatched} == {leader}
    # Dead without a word: its thread stops, and its lease stays as it was.
    dead.waker._stopping.set()
    dead.waker.join(30)
    before = len(dead.dispatched)
    add(redis)
    until(lambda: any(worker.dispatched for worker in workers.values() if worker is not dead))
    assert len(dead.dispatched) == before
    assert redis.get(LEADER) in set(workers) - {leader}


def test_a_leader_that_stops_hands_over_at_once(redis: redis_py.Redis, start: Start) -> None:
    worker = start()
    until(lambda: redis.exists(LEADER))
    worker.waker.stop()
    worker.waker.join(30)
    assert not redis.exists(LEADER)


def test_it_survives_a_redis_that_is_killed_and_comes_back(own_server: Any, start: Start) -> None:
    worker = start(url=own_server.url)
    with redis_py.Redis.from_url(own_server.url) as client:
        until(lambda: client.exists(LEADER))
    own_server.kill()
    time.sleep(0.3)
    own_server.start()
    with redis_py.Redis.from_url(own_server.url) as client:
        add(client)
        until(lambda: worker.dispatched)


def test_a_destination_whose_keys_are_broken_holds_up_no_other(
    redis: redis_py.Redis, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    redis.set(Keys("broken").retry, "not a stream")
    redis.zadd(Keys("broken").due, {"1-1": 1})
    with caplog.at_level(logging.ERROR, logger="worker.waker"):
        worker = start(destinations=("broken", "stores"))
        for wanted in (1, 2):
            add(redis)
            until(lambda count=wanted: len(worker.dispatched) >= count)  # type: ignore[misc]
        time.sleep(1.2)
    assert {destination for _, destination in worker.dispatched} == {"stores"}
    assert [record.__dict__["destination"] for record in caplog.records] == ["broken"]


def test_an_idle_fleet_sends_next_to_nothing(redis: redis_py.Redis, start: Start) -> None:
    for name in ("a", "b", "c"):
        start(name)
    until(lambda: redis.exists(LEADER))
    time.sleep(0.5)
    redis.config_resetstat()
    started = time.monotonic()
    time.sleep(3)
    stats = redis.info("commandstats")
    seconds = time.monotonic() - started
    # What scripts call is counted beside them; these are what clients send.
    sent = sum(
        stats.get(f"cmdstat_{name}", {"calls": 0})["calls"]
        for name in ("evalsha", "script|load", "xread", "xrevrange", "blpop")
    )
    assert 1 <= sent / seconds <= 7


def test_what_waits_is_called_for_before_the_housekeeping(
    redis: redis_py.Redis, redis_url: str, configure: Callable[..., Config]
) -> None:
    add(redis)
    called: list[str] = []
    waker = Waker(
        lambda: redis_py.Redis.from_url(redis_url, socket_timeout=15, retry=Retry(NoBackoff(), 0)),
        configure().destinations,
        lambda leases: called.extend(lease.destination for lease in leases),
        lambda: called.append("sweep"),
        name="a",
    )
    waker.start()
    until(lambda: "sweep" in called)
    waker.stop()
    waker.join(30)
    assert called == ["stores", "sweep"]
