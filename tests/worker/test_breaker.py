"""When a failing endpoint is left alone, and how it is found well again.

The server's clock cannot be turned: what is to lie in the past is written into the breaker's fields instead
(`open_until`, `probe_until`: milliseconds since the epoch; `half`: the number of the half window counted in).
"""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import redis as redis_py

from worker.breaker import Breaker
from worker.config import BreakerSettings
from worker.inbox import Inbox, Terms
from worker.keys import Keys
from worker.pauses import Pauses

# Else a half of the window might end in the middle of a test.
pytestmark = pytest.mark.usefixtures("server_clock")

KEYS = Keys("stores")
SETTINGS = BreakerSettings(
    failure_rate=0.5, min_requests=10, window_seconds=60, min_open_seconds=5, max_open_seconds=60
)


def breaker(redis: redis_py.Redis, **changed: float) -> Breaker:
    return Breaker(redis, KEYS, replace(SETTINGS, **changed))  # type: ignore[arg-type]


def report(redis: redis_py.Redis, *, ok: int = 0, failed: int = 0) -> list[str]:
    here = breaker(redis)
    return [here.report(failed=False)[0] for _ in range(ok)] + [here.report(failed=True)[0] for _ in range(failed)]


def gate(redis: redis_py.Redis, token: str = "t") -> str:
    redis.xadd(KEYS.inbox, {"event": b"{}"})
    return Inbox(redis, KEYS, consumer=token).take(token, Terms(max_tasks=4)).gate


def the_wait_is_over(redis: redis_py.Redis) -> None:
    redis.hset(KEYS.breaker, "open_until", 1)


def test_it_opens_on_a_rate_and_is_told_once(redis: redis_py.Redis) -> None:
    assert set(report(redis, ok=10, failed=9)) == {"closed"}
    assert report(redis, failed=3) == ["opened", "open", "open"]
    assert gate(redis) == "open"


def test_it_remembers_since_when_it_is_open_and_the_answer_that_keeps_it_so(redis: redis_py.Redis) -> None:
    report(redis, failed=10)
    (opened_at,) = redis.hmget(KEYS.breaker, "opened_at")
    the_wait_is_over(redis)
    assert breaker(redis).report(failed=True, why="HTTP 503")[0] == "open"
    assert redis.hmget(KEYS.breaker, "opened_at", "why") == [opened_at, b"HTTP 503"]
    the_wait_is_over(redis)
    assert report(redis, ok=1) == ["recovered"]
    assert not redis.exists(KEYS.breaker)


def test_many_failures_among_many_more_successes_do_not_open_it(redis: redis_py.Redis) -> None:
    assert set(report(redis, ok=100, failed=90)) == {"closed"}


def test_few_failures_do_not_open_it_even_if_nothing_succeeded(redis: redis_py.Redis) -> None:
    assert set(report(redis, failed=9)) == {"closed"}
    assert report(redis, failed=1) == ["opened"]


@pytest.mark.parametrize(("halves_ago", "last"), [(0, "opened"), (1, "opened"), (2, "closed"), (50, "closed")])
def test_what_lies_before_the_window_is_forgotten(redis: redis_py.Redis, halves_ago: int, last: str) -> None:
    report(redis, failed=9)
    redis.hincrby(KEYS.breaker, "half", -halves_ago)
    assert report(redis, failed=1) == [last]


def test_all_see_the_same_state_and_one_probes(redis: redis_py.Redis, redis_url: str) -> None:
    with redis_py.Redis.from_url(redis_url) as other:
        report(redis, failed=10)
        assert gate(other) == "open"
        the_wait_is_over(redis)
        assert sorted(gate(client, token) for client, token in ((redis, "a"), (other, "b"), (redis, "c"))) == [
            "open",
            "open",
            "probe",
        ]
        assert report(other, ok=1) == ["recovered"]
        assert {gate(redis), gate(other)} == {"go"}
        assert report(redis, ok=2) == ["closed", "closed"]


def test_a_probe_whose_worker_died_is_replaced_when_its_lease_ends(redis: redis_py.Redis) -> None:
    report(redis, failed=10)
    the_wait_is_over(redis)
    assert (gate(redis, "a"), gate(redis, "b")) == ("probe", "open")
    redis.hset(KEYS.breaker, "probe_until", 1)
    assert gate(redis, "b") == "probe"


def test_each_failed_probe_doubles_the_wait_up_to_its_limit_and_none_is_a_new_incident(redis: redis_py.Redis) -> None:
    waits = []
    here = breaker(redis)
    for _ in range(9):
        here.report(failed=True)
    answers = [here.report(failed=True)]
    for _ in range(5):
        the_wait_is_over(redis)
        assert gate(redis) == "probe"
        answers.append(here.report(failed=True))
    waits = [seconds for _, seconds in answers]
    assert waits == [5, 10, 20, 40, 60, 60]
    assert [state for state, _ in answers] == ["opened", *["open"] * 5]


@pytest.mark.parametrize("failed", [True, False])
def test_an_answer_to_a_request_sent_before_it_opened_changes_nothing(redis: redis_py.Redis, failed: bool) -> None:
    report(redis, failed=10)
    before = redis.hgetall(KEYS.breaker)
    assert report(redis, **{"failed" if failed else "ok": 1}) == ["open"]
    assert redis.hgetall(KEYS.breaker) == before
    assert gate(redis) == "open"


def test_a_person_who_resumes_closes_it(redis: redis_py.Redis) -> None:
    report(redis, failed=10)
    Pauses(redis, KEYS).resume(now=time.time())
    assert gate(redis) == "go"


def test_its_memory_ends(redis: redis_py.Redis) -> None:
    report(redis, ok=1)
    assert 3500 < redis.ttl(KEYS.breaker) <= 3600
    report(redis, failed=10)
    assert redis.ttl(KEYS.breaker) > 3600
