"""What is kept where, and that it ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from redis import Redis

from tasks.sweep import sweep_all
from worker.inbox import Inbox, Terms
from worker.keys import Keys
from worker.overview import look
from worker.retention import look_at_retention
from worker.runtime import Runtime

KEYS = Keys("stores")


def ago(seconds: float, number: int = 0) -> str:
    return f"{int((time.time() - seconds) * 1000)}-{number}"


def test_every_place_says_how_much_and_how_old(store: Any, redis: Redis) -> None:
    redis.xadd(KEYS.inbox, {"event": "{}"}, id=ago(7200))
    redis.xadd(KEYS.bulk, {"events": "{}\n{}", "n": 2}, id=ago(60))
    redis.set(KEYS.bulk_size, 2)
    redis.zadd(KEYS.due, {ago(3600): time.time() * 1000, ago(10, 1): 5})
    store.die(b'{"userId": "17"}')
    redis.sadd(KEYS.ledger(int(time.time() // 86400) - 1), b"digest", b"other")
    rows = look_at_retention(redis, {"stores": store.settings}, now=time.time())
    found = {(kept.destination, kept.place): kept for kept in rows}
    told = {place: (kept.count, kept.oldest_seconds) for (name, place), kept in found.items() if name == "stores"}
    counts = {place: count for place, (count, _) in told.items()}
    assert counts == {
        "inbox": 1, "retry": 0, "replay": 0, "bulk": 2, "schedule": 2, "dead letters": 1, "edits": 0,
        "index of people": 1, "ledger": 2, "minute counters": 0,
    }  # fmt: skip
    for place, seconds in (("inbox", 7200), ("bulk", 60), ("schedule", 3600), ("dead letters", 0)):
        assert told[place][1] == pytest.approx(seconds, abs=60)
    assert 86400 <= (told["ledger"][1] or 0) <= 2 * 86400
    assert found["stores", "dead letters"].limit == "90 d, at most 1,000,000"
    assert {"_unknown", ""} <= {name for name, _ in found}


def test_the_form_says_when_identifiers_are_hashed(make_runtime: Callable[..., Runtime], redis: Redis) -> None:
    destinations = make_runtime(hash_at_door=True, inbox_max_age="2h").config.destinations
    inbox = look_at_retention(redis, destinations, now=time.time())[0]
    assert (inbox.form, inbox.limit) == ("identifiers hashed", "2 h")


@pytest.mark.parametrize("limit", ["1h", None])
def test_what_waits_for_too_long_is_removed_and_counted(
    make_runtime: Callable[..., Runtime], redis: Redis, limit: str | None
) -> None:
    here = make_runtime(**({"inbox_max_age": limit} if limit else {}))
    for stream in (KEYS.inbox, KEYS.retry, KEYS.replay):
        for seconds in (7200, 3000):
            redis.xadd(stream, {"event": orjson.dumps({"n": seconds})}, id=ago(seconds))
    redis.xadd(KEYS.bulk, {"events": "{}\n{}\n{}", "n": 3}, id=ago(7200))
    redis.set(KEYS.bulk_size, 3)
    for _ in range(2):
        sweep_all(here, here.config, now=time.time())
    now = look(redis, "stores", now=time.time())
    assert (now.waiting, now.totals.get("purged", 0)) == ((3, 6) if limit else (9, 0))
    assert now.oldest_seconds == pytest.approx(3000 if limit else 7200, abs=60)


def test_what_a_worker_holds_is_not_taken_from_it(make_runtime: Callable[..., Runtime], redis: Redis) -> None:
    here = make_runtime(inbox_max_age="1h")
    redis.xadd(KEYS.inbox, {"event": "{}"}, id=ago(7200))
    assert len(Inbox(redis, KEYS, consumer="w").take("t", Terms()).batch) == 1
    sweep_all(here, here.config, now=time.time())
    assert redis.xlen(KEYS.inbox) == 1
