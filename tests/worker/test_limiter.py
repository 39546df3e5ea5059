"""How many requests all workers together may make, and what throttling does to it.

What is to lie in the past is written into the limit's fields (`blocked_until`, `raised`: milliseconds since the epoch;
`factor`: the share in force; `row`: throttles in a row).
"""

from __future__ import annotations

import heapq
import threading
import time
from typing import Any

import pytest
import redis as redis_py

from worker.config import RateLimit
from worker.keys import limiter as key_of
from worker.limiter import Limiter, scope

SCOPE = scope("credential", "source", "event/track/")
KEY = key_of(SCOPE)
NOON = 86400 * 20_000 + 43200.0


def granted(
    redis: redis_py.Redis, clock: Any, limit: RateLimit, *, clients: int, seconds: float, late_by: float = 0.0
) -> list[float]:
    """Return when requests were granted, in seconds from the start, to clients that take all they can get.

    The clock jumps to the next client that asks, so nobody is later than `late_by` after a wait.
    """
    here, start, moments = Limiter(redis), clock.seconds, []
    asking = [(0.0, client) for client in range(clients)]
    while (at := asking[0][0]) < seconds:
        clock.turn(start + at - clock.seconds)
        wait = here.ask(SCOPE, limit).wait_seconds
        if not wait:
            moments.append(at)
        # One that was granted a request asks again at once, which takes it half a millisecond.
        heapq.heapreplace(asking, (at + (wait + late_by if wait else 0.0005), asking[0][1]))
    return moments


def most_in_a_second(moments: list[float]) -> int:
    return max(sum(first <= moment < first + 1 for moment in moments) for first in moments)


@pytest.mark.parametrize("late_by", [0.0, 0.01])
@pytest.mark.parametrize(("rate", "clients"), [(50, 6), (400, 4)])
def test_several_clients_keep_to_the_limit_within_five_percent(
    redis: redis_py.Redis, server_clock: Any, rate: int, clients: int, late_by: float
) -> None:
    seconds = 2.2
    limit = RateLimit(rate, 60 * rate)
    moments = granted(redis, server_clock, limit, clients=clients, seconds=seconds, late_by=late_by)
    assert 0.95 * rate * seconds <= len(moments) <= 1.05 * rate * seconds
    assert most_in_a_second(moments) <= 1.05 * rate + 1


def test_clients_that_ask_at_the_same_time_are_granted_no_more_than_one_would_be(
    redis: redis_py.Redis, redis_url: str
) -> None:
    """In real time, by the server's own clock: how much less they take is a matter of the machine."""
    limit, rate, taken, start = RateLimit(200, 12_000), 200, [], time.monotonic()
    burst, enough = 0.04 * rate, 150

    def take() -> None:
        with redis_py.Redis.from_url(redis_url) as own:
            here = Limiter(own)
            while len(taken) < enough:
                wait = here.ask(SCOPE, limit).wait_seconds
                if wait:
                    time.sleep(wait)
                else:
                    taken.append(1)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert enough <= len(taken) <= rate * (time.monotonic() - start) + burst + 1


@pytest.mark.parametrize(("rate", "burst"), [(1, 1), (10, 1), (100, 4), (1000, 40)])
def test_a_burst_is_a_twenty_fifth_of_a_second_and_at_least_one(
    redis: redis_py.Redis, server_clock: Any, rate: int, burst: int
) -> None:
    here, let_through = Limiter(redis), 0
    while here.ask(SCOPE, RateLimit(rate, 60_000)).wait_seconds == 0:
        let_through += 1
    assert let_through == burst


def test_a_request_that_was_not_granted_takes_nothing(redis: redis_py.Redis, server_clock: Any) -> None:
    here, limit = Limiter(redis), RateLimit(2, 1000)
    assert here.ask(SCOPE, limit).wait_seconds == 0
    assert {here.ask(SCOPE, limit).wait_seconds for _ in range(20)} == {0.5}


def test_the_minutes_limit_holds_where_it_is_the_smaller(redis: redis_py.Redis, server_clock: Any) -> None:
    here, limit = Limiter(redis), RateLimit(1000, 60)
    assert here.ask(SCOPE, limit).wait_seconds == 0
    assert here.ask(SCOPE, limit).wait_seconds == 1.0


@pytest.mark.parametrize("changed", [("other", "s", "p"), ("c", "other", "p"), ("c", "s", "other"), ("cs", "", "p")])
def test_each_credential_source_and_endpoint_has_a_limit_of_its_own(
    redis: redis_py.Redis, server_clock: Any, changed: tuple[str, str, str]
) -> None:
    here, limit = Limiter(redis), RateLimit(1, 60)
    assert here.ask(scope("c", "s", "p"), limit).wait_seconds == 0
    assert here.ask(scope("c", "s", "p"), limit).wait_seconds > 0
    assert here.ask(scope(*changed), limit).wait_seconds == 0


def test_concurrent_throttles_are_one_penalty(redis: redis_py.Redis, server_clock: Any) -> None:
    here = Limiter(redis)
    assert here.throttled(SCOPE, now=NOON) == 1.0
    server_clock.turn(0.1)
    waits = [here.throttled(SCOPE, now=NOON) for _ in range(9)]
    assert all(wait == pytest.approx(0.9, abs=0.002) for wait in waits)
    assert here.in_force(SCOPE) == 0.5
    assert redis.hget(KEY, "row") == b"1"
    assert here.ask(SCOPE, RateLimit(1000, 60_000)).wait_seconds == pytest.approx(0.9, abs=0.002)


def test_throttling_in_a_row_waits_a_second_then_five_minutes_then_for_midnight(
    redis: redis_py.Redis, server_clock: Any
) -> None:
    here, waits = Limiter(redis), []
    for _ in range(8):
        waits.append(here.throttled(SCOPE, now=NOON))
        server_clock.turn(waits[-1] + 0.001)
    midnight = pytest.approx(43200, abs=1)
    assert waits == [1, 1, 1, 300, 300, 300, midnight, midnight]
    assert here.in_force(SCOPE) == pytest.approx(1 / 64)


@pytest.mark.parametrize(("quiet_seconds", "wait"), [(599.9, 86400 / 2), (600.1, 1)])
def test_a_row_ends_after_ten_quiet_minutes(
    redis: redis_py.Redis, server_clock: Any, quiet_seconds: float, wait: float
) -> None:
    ended = int((server_clock.seconds - quiet_seconds) * 1000)
    redis.hset(KEY, mapping={"row": 6, "factor": 0.5, "blocked_until": ended, "raised": 0})
    assert Limiter(redis).throttled(SCOPE, now=NOON) == pytest.approx(wait, abs=1)


@pytest.mark.parametrize(
    ("seconds_ago", "factor"), [(9.9, 0.5), (10.1, 0.6), (20.1, 0.7), (49.9, 0.9), (50.1, 1.0), (5000, 1.0)]
)
def test_the_limit_grows_back_by_a_tenth_every_ten_seconds(
    redis: redis_py.Redis, server_clock: Any, seconds_ago: float, factor: float
) -> None:
    here = Limiter(redis)
    redis.hset(KEY, mapping={"factor": 0.5, "raised": (server_clock.seconds - seconds_ago) * 1000})
    here.ask(SCOPE, RateLimit(1000, 60_000))
    assert here.in_force(SCOPE) == pytest.approx(factor)


def test_the_lowered_limit_is_what_is_granted(redis: redis_py.Redis, server_clock: Any) -> None:
    redis.hset(KEY, mapping={"factor": 0.25, "raised": server_clock.seconds * 1000})
    moments = granted(redis, server_clock, RateLimit(200, 12_000), clients=3, seconds=1.0)
    assert len(moments) == pytest.approx(50, abs=4)


def test_its_memory_ends(redis: redis_py.Redis) -> None:
    Limiter(redis).ask(SCOPE, RateLimit(1000, 60_000))
    assert 0 < redis.ttl(KEY) <= 172_800


def test_a_served_request_ends_the_row_it_was_granted_in_and_no_later_one(
    redis: redis_py.Redis, server_clock: Any
) -> None:
    here, limit = Limiter(redis), RateLimit(1000, 60_000)
    redis.hset(KEY, mapping={"row": 3, "factor": 0.5, "raised": server_clock.seconds * 1000})
    early, late = here.ask(SCOPE, limit), here.ask(SCOPE, limit)
    assert (early.wait_seconds, early.row) == (0, 3)
    here.throttled(SCOPE, now=NOON)
    here.served(SCOPE, early)
    assert redis.hget(KEY, "row") is not None
    redis.hset(KEY, "row", late.row)
    here.served(SCOPE, late)
    assert redis.hget(KEY, "row") is None
