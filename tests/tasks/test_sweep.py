"""What is done once a minute, whether anybody asks or not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import redis as redis_py

from tasks.sweep import _forget_dead_consumers, sweep_all
from worker.alerts import Alerts
from worker.dead_letters import Changes, DeadLetter, Filter, Queries
from worker.envelope import Envelope
from worker.inbox import Inbox, Terms
from worker.keys import GROUP, Keys
from worker.replay_jobs import ReplayJobs
from worker.runtime import Runtime
from worker.scripts import run

KEYS = Keys("stores")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    seen: list[tuple[str, str]] = []
    monkeypatch.setattr(Alerts, "tell", lambda _, kind, destination, *__: seen.append((kind, destination)))
    return seen


def bury(redis: redis_py.Redis, count: int, *, days_ago: float = 0.0, first: int = 0) -> None:
    for number in range(first, first + count):
        envelope = Envelope(ref=f"{number:06d}-0", id=f"id-{number}", payload=b"{}", enqueued_at=1)
        letter = DeadLetter("stores", "invalid", "why", envelope, time.time() - days_ago * 86400)
        Changes(redis, KEYS).add(letter)


def sweep(here: Runtime) -> list[tuple[str, str]]:
    return sweep_all(here, here.config, now=time.time())


def test_dead_letters_past_their_age_or_number_are_purged_the_oldest_first(
    redis: redis_py.Redis, make_runtime: Callable[..., Runtime]
) -> None:
    bury(redis, 3, days_ago=10)
    bury(redis, 5, days_ago=1, first=10)
    bury(redis, 4, first=20)
    sweep(make_runtime(dead_letters={"max_age": "5d", "max_count": 6}))
    left = [letter.ref for letter in Queries(redis, KEYS).scan(Filter(), oldest_first=True)]
    assert left == ["000013-0", "000014-0", "000020-0", "000021-0", "000022-0", "000023-0"]
    assert redis.hget(KEYS.totals, "purged") == b"6"


def test_an_old_backlog_and_fast_dead_letters_are_told_once_until_they_are_over(
    redis: redis_py.Redis, make_runtime: Callable[..., Runtime], told: list[tuple[str, str]]
) -> None:
    here = make_runtime(backlog_alert="1s", dead_letters_alert=10)
    old = int((time.time() - 60) * 1000)
    redis.xadd(KEYS.inbox, {"event": b"{}"}, id=f"{old}-0")
    for ago in (1, 0):  # a minute may end before the sweep
        redis.hset(KEYS.minute(int(time.time() // 60) - ago), "dead", 11)
    for _ in range(3):
        sweep(here)
    assert told == [("backlog", "stores"), ("dead_letters", "stores")]
    redis.delete(KEYS.inbox)
    sweep(here)
    redis.xadd(KEYS.inbox, {"event": b"{}"}, id=f"{old}-0")
    sweep(here)
    assert told.count(("backlog", "stores")) == 2


def test_only_silent_consumers_that_hold_nothing_are_forgotten(
    redis: redis_py.Redis, make_runtime: Callable[..., Runtime], monkeypatch: pytest.MonkeyPatch
) -> None:
    redis.xadd(KEYS.inbox, {"event": b"{}"})
    redis.xgroup_create(KEYS.inbox, GROUP, "0")
    redis.xreadgroup(GROUP, "busy", {KEYS.inbox: ">"})
    redis.xgroup_createconsumer(KEYS.inbox, GROUP, "gone")
    here = make_runtime()
    sweep(here)
    assert len(redis.xinfo_consumers(KEYS.inbox, GROUP)) == 2  # not silent for long enough
    monkeypatch.setattr("tasks.sweep._IDLE_CONSUMER_MS", -1)
    sweep(here)
    names: Any = redis.xinfo_consumers(KEYS.inbox, GROUP)
    assert [each["name"] for each in names] == [b"busy"]


def test_a_consumer_that_claims_while_it_is_forgotten_loses_nothing(
    redis: redis_py.Redis, make_runtime: Callable[..., Runtime], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.sweep._IDLE_CONSUMER_MS", -1)
    here = make_runtime()
    inbox = Inbox(redis, KEYS, consumer="woken")
    over = threading.Event()

    def keep_sweeping() -> None:
        while not over.is_set():
            run(here.redis, *_forget_dead_consumers(KEYS))

    sweeping = threading.Thread(target=keep_sweeping)
    sweeping.start()
    try:
        for _ in range(500):
            redis.xadd(KEYS.inbox, {"event": b"{}"})
            (claimed,) = inbox.take("t", Terms(size=1)).batch
            assert redis.xack(KEYS.inbox, GROUP, claimed.entry_id) == 1
    finally:
        over.set()
        sweeping.join()


def test_a_replay_job_that_nobody_runs_is_found(redis: redis_py.Redis, make_runtime: Callable[..., Runtime]) -> None:
    job = ReplayJobs(redis, KEYS, owner="gone").start(Filter(), planned=1, rate=1, forced=False, by="test")
    assert sweep(make_runtime()) == [("stores", job.id)]


def test_producers_are_told_the_destinations_again_when_redis_was_emptied(
    redis: redis_py.Redis, make_runtime: Callable[..., Runtime]
) -> None:
    here = make_runtime(max_inbox=5)
    redis.flushall()
    sweep(here)
    told = orjson.loads(redis.hget("tiktok-events:destinations", "stores") or b"{}")
    assert (told["max_inbox"], told["max_event_bytes"], told["pack"]) == (5, 262144, 100)
    assert (told["identifiers"]["hash"], told["identifiers"]["region"]) == (False, "US")
    assert told["identifiers"]["places"]["context.traits.email"] == "email"
