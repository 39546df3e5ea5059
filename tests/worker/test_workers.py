"""Workers are seen while they live, and for a while after they died."""

from __future__ import annotations

import time
from collections.abc import Callable

import redis as redis_py
from redis.backoff import NoBackoff
from redis.retry import Retry

from worker.config import Config
from worker.keys import WORKERS
from worker.waker import Waker
from worker.workers import BEAT_SECONDS, Heartbeat, workers


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def commands(redis: redis_py.Redis) -> int:
    return int(redis.info("stats")["total_commands_processed"])


def test_a_worker_is_on_the_list_with_what_it_says_of_itself(redis: redis_py.Redis) -> None:
    Heartbeat("w1@a", slots=4).beat(redis)
    Heartbeat("w0@a", slots=2).beat(redis)
    first, second = workers(redis)
    assert (first.worker.name, first.worker.slots) == ("w0@a", 2)
    assert (second.worker.name, second.worker.slots, second.is_silent) == ("w1@a", 4, False)
    assert second.seconds_ago < 20
    assert second.worker.pid > 0
    assert second.worker.started_at <= time.time() + 0.001  # it is told in whole milliseconds


def test_signs_are_as_rare_as_promised(redis: redis_py.Redis) -> None:
    clock = Clock()
    heartbeat = Heartbeat("w", slots=1, clock=clock)
    heartbeat.beat(redis)
    redis.delete(WORKERS)
    before = commands(redis)
    for _ in range(100):
        clock.now += BEAT_SECONDS / 101
        heartbeat.beat(redis)
    assert commands(redis) - before == 1, "nothing but this question"
    clock.now += 1
    heartbeat.beat(redis)
    assert len(workers(redis)) == 1


def test_one_that_falls_silent_is_seen_as_such_and_forgotten_after_an_hour(redis: redis_py.Redis) -> None:
    Heartbeat("dead", slots=1).beat(redis)
    ((said, score),) = redis.zrange(WORKERS, 0, -1, withscores=True)
    redis.zadd(WORKERS, {said: score - 60_000})
    (seen,) = workers(redis)
    assert seen.is_silent
    assert 59 < seen.seconds_ago < 80
    redis.zadd(WORKERS, {said: score - 3_601_000})
    Heartbeat("lives", slots=1).beat(redis)
    assert [seen.worker.name for seen in workers(redis)] == ["lives"]
    assert 0 < redis.pttl(WORKERS) <= 3_600_000


def test_one_that_died_and_was_started_again_is_seen_once(redis: redis_py.Redis) -> None:
    Heartbeat("w", slots=1).beat(redis)
    ((said, score),) = redis.zrange(WORKERS, 0, -1, withscores=True)
    redis.zadd(WORKERS, {said: score - 60_000})
    time.sleep(0.002)
    Heartbeat("w", slots=2).beat(redis)
    (seen,) = workers(redis)
    assert (seen.worker.slots, seen.is_silent) == (2, False)


def test_a_waker_gives_signs_and_takes_its_worker_off_the_list_when_it_stops(
    redis: redis_py.Redis, redis_url: str, configure: Callable[..., Config]
) -> None:
    waker = Waker(
        lambda: redis_py.Redis.from_url(redis_url, socket_timeout=15, retry=Retry(NoBackoff(), 0)),
        configure().destinations,
        lambda _: None,
        lambda: None,
        name="w",
        heartbeat=Heartbeat("w", slots=3),
    )
    waker.start()
    end = time.monotonic() + 30
    while not workers(redis):
        assert time.monotonic() < end
        time.sleep(0.01)
    waker.stop()
    waker.join(30)
    assert workers(redis) == []
