"""Minutes of destinations: which are asked for again, and how several become one."""

from __future__ import annotations

from typing import Any

import redis as redis_py

from worker.history import History, Minute, note_backlog, total
from worker.keys import Keys

NOW = 1_900_000_030.0
MINUTE = int(NOW // 60)


def test_the_running_minute_and_the_last_are_asked_for_anew(redis: redis_py.Redis) -> None:
    history, keys = History(redis), Keys("stores")

    def delivered() -> list[int]:
        return [minute.delivered for minute in history.of(["stores"], now=NOW, minutes=4)["stores"]]

    assert delivered() == [0, 0, 0, 0]
    for age in range(4):
        redis.hset(keys.minute(MINUTE - age), "delivered", 10 + age)
    assert delivered() == [0, 0, 11, 10], "what is over does not change"
    later = history.of(["stores"], now=NOW + 120, minutes=4)["stores"]
    assert [minute.delivered for minute in later] == [11, 10, 0, 0]


def test_what_is_over_is_asked_for_once(redis: redis_py.Redis) -> None:
    history = History(redis)
    history.of(["stores", "app"], now=NOW, minutes=60)
    asked = _calls(redis)
    history.of(["stores", "app"], now=NOW, minutes=60)
    assert _calls(redis) - asked == 4


def _calls(redis: redis_py.Redis) -> int:
    told: Any = redis.info("commandstats")
    return int(told.get("cmdstat_hgetall", {"calls": 0})["calls"])


def test_the_backlog_of_a_minute_is_kept_as_long_as_its_counters(redis: redis_py.Redis) -> None:
    note_backlog(redis, Keys("stores"), waiting=12, oldest_seconds=3.7, now=NOW)
    (minute,) = History(redis).of(["stores"], now=NOW, minutes=1)["stores"]
    assert minute.backlog == 12
    assert 0 < redis.ttl(Keys("stores").minute(MINUTE)) <= 7200


def test_minutes_of_several_destinations_are_added_up() -> None:
    both = total([Minute({"delivered": 2, "took:8": 2, "oldest_seconds": 5}), Minute({"delivered": 3, "took:8": 1})])
    assert both == Minute({"delivered": 5, "took:8": 3, "oldest_seconds": 5})
